/** Which rows of a long list are drawn, and which blocks of it are fetched for them. Pure: heights in pixels, rows from 0. */

export interface Span {
  /** The first row. */
  readonly first: number;
  /** The row after the last one. */
  readonly end: number;
}

/** Rows drawn above and below what is on screen, so that scrolling shows no hole. */
const SPARE = 6;

/** The rows to draw. top: how far the list's upper edge lies above the viewport's; negative when it lies below. */
export function spanOf(top: number, viewport: number, row: number, total: number): Span {
  const first = Math.max(0, Math.floor(top / row) - SPARE);
  const end = Math.min(total, Math.ceil((top + viewport) / row) + SPARE);
  const within = Math.min(first, Math.max(0, total - 1));
  return { first: within, end: Math.max(within, end) };
}

/** The blocks of `size` rows that hold the span; the first where there is no row yet. */
export function blocksOf({ first, end }: Span, size: number): number[] {
  const from = Math.floor(first / size);
  const to = Math.floor(Math.max(first, end - 1) / size);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** How far to scroll for the row to lie between `above` and `below`, the pixels at the viewport's edges that something else covers. */
export function scrollBy(index: number, row: number, top: number, viewport: number, above: number, below: number): number {
  const over = index * row - top - above;
  const under = (index + 1) * row - top - (viewport - below);
  return over < 0 ? over : Math.max(0, under);
}

/** Where a row has gone that stood at `index`, among the rows that are known; the same place where it is not among them. */
export function followed(id: string, index: number, rows: ReadonlyMap<number, { readonly id: string }>): number {
  if (rows.get(index)?.id === id) return index;
  for (const [at, run] of rows) if (run.id === id) return at;
  return index;
}
