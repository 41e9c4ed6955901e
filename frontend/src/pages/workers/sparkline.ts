/** A small line as SVG paths. Pure. */

/**
 * One path for each stretch without a gap. at: where each value stands, 0 the left and 1 the right end; what is left of 0 is not drawn.
 * values: shares in [0, 1], null where there is none. longest: how far apart two neighbours may be and still belong together.
 */
export function curvePaths(at: readonly number[], values: readonly (number | null)[], longest: number, width: number, height: number): string[] {
  const paths: string[] = [];
  let before: number | null = null;
  for (const [i, x] of at.entries()) {
    const value = values[i] ?? null;
    if (value === null || x < 0) {
      before = null;
      continue;
    }
    const point = `${round(Math.min(1, x) * width)} ${round((1 - Math.min(1, Math.max(0, value))) * (height - 2) + 1)}`;
    if (before === null || x - before > longest) paths.push(`M${point}h0.01`);
    else paths[paths.length - 1] += `L${point}`;
    before = x;
  }
  return paths;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
