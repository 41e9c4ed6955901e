/** Moving through a grid by keyboard, as the ARIA grid pattern says. Pure. */

export interface Place {
  row: number;
  column: number;
}

/** Where a key leads from a place in a grid of that size; null for a key that does not move. Nothing leads out of the grid. */
export function move(key: string, withControl: boolean, { row, column }: Place, rows: number, columns: number): Place | null {
  const [bottom, end] = [rows - 1, columns - 1];
  switch (key) {
    case "ArrowUp":
      return { row: Math.max(0, row - 1), column };
    case "ArrowDown":
      return { row: Math.min(bottom, row + 1), column };
    case "ArrowLeft":
      return { row, column: Math.max(0, column - 1) };
    case "ArrowRight":
      return { row, column: Math.min(end, column + 1) };
    case "Home":
      return { row: withControl ? 0 : row, column: 0 };
    case "End":
      return { row: withControl ? bottom : row, column: end };
    case "PageUp":
      return { row: 0, column };
    case "PageDown":
      return { row: bottom, column };
    default:
      return null;
  }
}
