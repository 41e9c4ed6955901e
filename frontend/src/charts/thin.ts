/**
 * Thinning of what the stream has added, as the server thins (server/downsample.py): bins 2^k steps wide, of each its first, last, smallest
 * and largest point. What is drawn stays drawn as points come, and no spike hides. Pure.
 */
import type { Point } from "../live/curves";

const KEPT_PER_BIN = 4;

/** At most `limit` of the points, ascending by step as they came. */
export function thin(points: readonly Point[], limit: number): readonly Point[] {
  const first = points[0];
  const last = points.at(-1);
  if (points.length <= limit || !first || !last) return points;
  let width = 1;
  while (Math.floor(last.step / width) - Math.floor(first.step / width) + 1 > limit / KEPT_PER_BIN) width *= 2;
  const kept: Point[] = [];
  let bin: Point[] = [];
  for (const point of points) {
    if (bin[0] && Math.floor(point.step / width) !== Math.floor(bin[0].step / width)) {
      kept.push(...extremes(bin));
      bin = [];
    }
    bin.push(point);
  }
  return [...kept, ...extremes(bin)];
}

function extremes(bin: readonly Point[]): Point[] {
  const ends = [bin[0], bin.at(-1)].filter((point) => point !== undefined);
  const known = bin.filter((point) => point.value !== null);
  const lowest = known.reduce<Point | undefined>((a, b) => (a && value(a) <= value(b) ? a : b), undefined);
  const highest = known.reduce<Point | undefined>((a, b) => (a && value(a) >= value(b) ? a : b), undefined);
  const wanted = new Set([...ends, lowest, highest].filter((point) => point !== undefined));
  return bin.filter((point) => wanted.has(point));
}

function value(point: Point): number {
  return point.value ?? 0;
}
