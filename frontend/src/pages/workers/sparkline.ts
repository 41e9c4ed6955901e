/** A small line as SVG paths, and the span of time it stands for. Pure. */

/** At least so long, so that the first samples are not drawn as if they were a history. */
const LEAST_MINUTES = 5;

/** Whole minutes from the oldest sample on, so that the line of a worker that has just come uses the width. */
export function spanOf(times: readonly string[], now: number, most: number): number {
  const oldest = times[0] === undefined ? now : Date.parse(times[0]);
  return Math.min(most, Math.max(LEAST_MINUTES, Math.ceil((now - oldest) / 60_000)));
}

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
