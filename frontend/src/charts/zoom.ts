/** The part of the horizontal axis that is looked at, and which steps that is. Pure. */
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { NO_CURVES, upsert, type Batch, type Curve, type Curves } from "../live/curves";
import { followed, metaOf, pointsOf } from "./meta";
import { place } from "./place";

/** From, to: steps, tokens, or milliseconds since 1970. */
export type Range = readonly [number, number];

export interface StepWindow {
  readonly start: number;
  readonly stop: number;
}

/** As it stands in the address: "12.5~80". */
export function parseRange(text: string): Range | null {
  const [from, to, ...rest] = text.split("~").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (from === undefined || to === undefined || rest.length > 0) return null;
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
}

/** To a tenth of the axis's unit; finer where less than a thousand of them are looked at, for a tenth of a day is long. */
export function formatRange(range: Range | null): string {
  if (!range) return "";
  const digits = Math.min(12, Math.max(1, Math.ceil(3 - Math.log10(range[1] - range[0]))));
  return range.map((end) => String(Number(end.toFixed(digits)))).join("~");
}

/** What Plotly says of a drag or a double click: a range, null for all, undefined for something else (a resize, say). */
export function rangeOf(relayout: unknown): Range | null | undefined {
  const event = (relayout ?? {}) as Record<string, unknown>;
  if (event["xaxis.autorange"] === true) return null;
  const pair = (event["xaxis.range"] ?? [event["xaxis.range[0]"], event["xaxis.range[1]"]]) as unknown[];
  const [from, to] = pair.map(place);
  return from != null && to != null && from < to ? [from, to] : undefined;
}

/** The steps to ask the server for; null when nothing that is drawn lies in the range. One more on both sides, so that lines leave the picture. */
export function stepWindow(figure: Figure, curves: Curves, x: XAxis, [from, to]: Range): StepWindow | null {
  if (x === "step") return to < 0 ? null : { start: Math.max(0, Math.floor(from) - 1), stop: Math.max(0, Math.ceil(to) + 1) };
  let start = Infinity;
  let stop = -Infinity;
  const see = (at: unknown, step: number): void => {
    const here = place(at);
    if (here === null || here < from || here > to) return;
    start = Math.min(start, step);
    stop = Math.max(stop, step);
  };
  for (const trace of figure.data) {
    const curve = curves.get(followed(trace) ?? "");
    if (curve) for (const point of curve.points) see(point.time, point.step);
    const at = trace["x"];
    if (Array.isArray(at)) (metaOf(trace).step ?? []).forEach((step, i) => see(at[i], step));
  }
  return start <= stop ? { start: Math.max(0, start - 1), stop: stop + 1 } : null;
}

/**
 * The curves of a window: what was fetched of it at full resolution, and what the stream has brought since that lies in it.
 *
 * Called with the page's curves again and again; looks only at what has changed of them.
 */
export function windowed(figure: Figure, x: XAxis, { start, stop }: StepWindow): (curves: Curves) => Curves {
  let held = upsert(NO_CURVES, pointsOf(figure, x));
  const keys = figure.data.map(followed).filter((key) => key !== null);
  const seen = new Map<string, Curve>();
  return (curves) => {
    const batches: Batch[] = [];
    for (const key of keys) {
      const curve = curves.get(key);
      const before = seen.get(key);
      if (!curve || curve === before) continue;
      const grown = before?.revision === curve.revision ? curve.points.slice(before.points.length) : curve.points;
      batches.push({ key, points: grown.filter((point) => point.step >= start && point.step <= stop) });
      seen.set(key, curve);
    }
    held = upsert(held, batches);
    return held;
  };
}
