/** Exponential smoothing as W&B and TensorBoard do it, weighted by the way between two points. Pure. */
import type { Point } from "../live/curves";

/** A curve with points this many times further apart than usual has stopped in between: phases of training lie there. */
const PAUSE = 8;

/** Where the address says nothing, as in TensorBoard: single steps are so noisy that several raw curves hide each other. */
export const USUAL_SMOOTHING = 0.6;
export const MOST_SMOOTHING = 0.99;

/** As it stands in the address; "0" is off. */
export function parseSmoothing(text: string): number {
  const weight = Number(text);
  return Number.isFinite(weight) ? Math.min(MOST_SMOOTHING, Math.max(0, weight)) : USUAL_SMOOTHING;
}

/**
 * How far apart, in steps, the points usually are: the median, as a power of two, so that it stays the same while points come.
 *
 * Smoothing counts ways in this unit. A thinned curve then looks like the whole one seen from afar, and not like a coarser smoothing.
 */
export function usualSpacing(points: readonly Point[]): number {
  if (points.length < 2) return 1;
  const ways = points.slice(1).map((point, i) => point.step - (points[i]?.step ?? 0));
  ways.sort((a, b) => a - b);
  const median = ways[ways.length >> 1] ?? 1;
  return 2 ** Math.floor(Math.log2(Math.max(1, median)));
}

/**
 * The points with smoothed values. weight: 0 (as they are) to below 1. Debiased: the first value is the first point's, not drawn towards 0.
 *
 * A missing value stays missing and moves nothing. After a pause it begins anew, and a missing value stands before it, so that no line
 * is drawn across; therefore more points may come back than went in. More points at the end change nothing of what came before.
 */
export function smoothed(points: readonly Point[], weight: number, spacing: number): Point[] {
  const out: Point[] = [];
  let sum = 0;
  let mass = 0;
  let before: number | null = null;
  for (const point of points) {
    const way = before === null ? 1 : (point.step - before) / spacing;
    if (before !== null && way > PAUSE) {
      out.push({ ...point, step: before + spacing, value: null });
      sum = mass = 0;
    }
    before = point.step;
    if (point.value === null) {
      out.push(point);
      continue;
    }
    const keep = weight ** Math.max(way, 0);
    sum = keep * sum + (1 - keep) * point.value;
    mass = keep * mass + (1 - keep);
    out.push(mass > 0 ? { ...point, value: sum / mass } : point);
  }
  return out;
}
