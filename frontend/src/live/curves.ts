/**
 * What the page knows of a run's series, from every source alike: figures fetched, points streamed. Pure.
 *
 * On (series, step) the higher attempt wins, as in the database; of equal attempts the later word. That makes the order in which
 * fetches and events arrive unimportant, and a point that arrives twice harmless.
 */
import type { SeriesData, StreamPoints } from "../api/types";

export interface Point {
  readonly step: number;
  readonly value: number | null;
  /** Standard error, where the value is a mean over prompts. */
  readonly se: number | null;
  readonly attempt: number;
  /** ISO 8601; null where a figure does not say. */
  readonly time: string | null;
}

export interface SeriesName {
  readonly name: string;
  readonly policy: string;
  readonly peer?: string | null;
  readonly domain?: string | null;
}

/** One series: points by ascending step, each step once. */
export interface Curve {
  readonly points: readonly Point[];
  /** Rises whenever anything but the end changes: a chart that drew an older revision draws anew, else it appends. */
  readonly revision: number;
}

export type Curves = ReadonlyMap<string, Curve>;
export interface Batch {
  readonly key: string;
  readonly points: readonly Point[];
}

export const NO_CURVES: Curves = new Map();
const EMPTY: Curve = { points: [], revision: 0 };

export function seriesKey({ name, policy, peer, domain }: SeriesName): string {
  return `${name}|${policy}|${peer ?? ""}|${domain ?? ""}`;
}

/** The store after these points. Untouched curves, and the store itself when nothing changed, stay the same objects. */
export function upsert(curves: Curves, batches: readonly Batch[]): Curves {
  let next: Map<string, Curve> | null = null;
  for (const [key, points] of grouped(batches)) {
    const held = (next ?? curves).get(key) ?? EMPTY;
    const merged = merge(held, points);
    if (merged !== held) (next ??= new Map(curves)).set(key, merged);
  }
  return next ?? curves;
}

/** The points of one streamed event, by series. */
export function batchesOf(event: StreamPoints): Batch[] {
  const { attempt, policy, step, time } = event;
  return event.values.flatMap((raw): Batch[] => {
    const { name, value, se, peer, domain } = raw as Record<string, unknown>;
    if (typeof name !== "string") return [];
    const series = { name, policy, peer: text(peer), domain: text(domain) };
    return [{ key: seriesKey(series), points: [{ step, value: number(value), se: number(se), attempt, time }] }];
  });
}

/** The points of fetched series. */
export function pointsOfSeries(series: readonly SeriesData[]): Batch[] {
  return series.map((one) => ({
    key: seriesKey(one),
    points: one.step.map((step, i): Point => ({
      step,
      value: one.value[i] ?? null,
      se: one.se?.[i] ?? null,
      attempt: one.attempt?.[i] ?? 0,
      time: one.time[i] ?? null,
    })),
  }));
}

function grouped(batches: readonly Batch[]): Map<string, Point[]> {
  const groups = new Map<string, Point[]>();
  for (const { key, points } of batches) {
    const group = groups.get(key);
    if (group) group.push(...points);
    else groups.set(key, [...points]);
  }
  return groups;
}

function merge(held: Curve, incoming: readonly Point[]): Curve {
  if (continues(held, incoming)) return { points: [...held.points, ...incoming], revision: held.revision };
  const byStep = new Map(held.points.map((point) => [point.step, point]));
  const end = held.points.at(-1)?.step ?? -Infinity;
  let changed = false;
  let appendsOnly = true;
  for (const point of incoming) {
    const known = byStep.get(point.step);
    if (known && (known.attempt > point.attempt || same(known, point))) continue;
    byStep.set(point.step, known && point.time === null ? { ...point, time: known.time } : point);
    changed = true;
    appendsOnly &&= point.step > end;
  }
  if (!changed) return held;
  const points = [...byStep.values()].sort((a, b) => a.step - b.step);
  return { points, revision: held.revision + (appendsOnly ? 0 : 1) };
}

/** Whether the points come after the curve's end and in order: so nearly all do that the stream brings, and they are many. */
function continues({ points }: Curve, incoming: readonly Point[]): boolean {
  let end = points.at(-1)?.step ?? -Infinity;
  for (const { step } of incoming) {
    if (step <= end) return false;
    end = step;
  }
  return incoming.length > 0;
}

function same(a: Point, b: Point): boolean {
  return a.attempt === b.attempt && a.value === b.value && a.se === b.se && (b.time === null || a.time === b.time);
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
