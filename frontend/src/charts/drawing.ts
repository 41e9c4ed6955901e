/** From a figure of the server and the page's curves to what Plotly is told. Pure. */
import type { Figure } from "../api/types";
import type { XAxis } from "../api/queries";
import { seriesKey, type Batch, type Curve, type Curves, type Point, type SeriesName } from "../live/curves";
import type { Layout, Trace } from "./plotly";

/** What the server says of a trace (Figure in the API). */
interface TraceMeta {
  mode: "append" | "replace";
  series?: SeriesName;
  step?: number[];
  attempt?: number[];
  total?: number;
  error_scale?: number;
  compared?: boolean;
}

/** What a chart has drawn of each trace, to know what is new. */
export interface Drawn {
  readonly figure: Figure;
  readonly traces: readonly { readonly revision: number; readonly length: number }[];
}

export type Update = { kind: "none" } | { kind: "draw" } | { kind: "extend"; traces: number[]; x: unknown[][]; y: unknown[][] };

function metaOf(trace: Trace): TraceMeta {
  return (trace["meta"] ?? { mode: "replace" }) as TraceMeta;
}

/** The key of the series a trace follows; null for one that only the server can draw. */
function followed(trace: Trace): string | null {
  const { mode, series } = metaOf(trace);
  return mode === "append" && series ? seriesKey(series) : null;
}

/** The points a fetched figure holds, for the store. */
export function pointsOf(figure: Figure, x: XAxis): Batch[] {
  return figure.data.flatMap((trace): Batch[] => {
    const key = followed(trace);
    if (key === null) return [];
    const { step = [], attempt = [], error_scale: scale = 1 } = metaOf(trace);
    const at = list(trace["x"]);
    const value = list(trace["y"]);
    const bars = list((trace["error_y"] as Record<string, unknown> | undefined)?.["array"]);
    const points = step.map((s, i): Point => {
      const bar = number(bars[i]);
      const time = x === "time" ? String(at[i]) : null;
      return { step: s, value: number(value[i]), se: bar === null ? null : bar / scale, attempt: attempt[i] ?? 0, time };
    });
    return [{ key, points }];
  });
}

/** Every trace as Plotly gets it: those that follow a series from the store, the others as the server drew them. */
export function traces(figure: Figure, curves: Curves, x: XAxis): Trace[] {
  return figure.data.map((trace): Trace => {
    const key = followed(trace);
    if (key === null) return structuredClone(trace);
    const curve = curves.get(key);
    const points = curve ? drawable(curve, x) : [];
    const scale = metaOf(trace).error_scale;
    const bars = scale && { error_y: { ...(trace["error_y"] as object), array: points.map((p) => (p.se ?? 0) * scale) } };
    return { ...structuredClone(trace), x: points.map((p) => place(p, x)), y: points.map((p) => p.value), ...bars };
  });
}

/** What must happen for the chart to show the curves as they are now. */
export function plan(drawn: Drawn | null, figure: Figure, curves: Curves, x: XAxis): Update {
  if (drawn?.figure !== figure) return { kind: "draw" };
  const update = { kind: "extend" as const, traces: [] as number[], x: [] as unknown[][], y: [] as unknown[][] };
  for (const [i, trace] of figure.data.entries()) {
    const key = followed(trace);
    const curve = key === null ? undefined : curves.get(key);
    const before = drawn.traces[i];
    if (!curve || !before || curve.points.length === before.length) continue;
    if (curve.revision !== before.revision || metaOf(trace).error_scale) return { kind: "draw" };
    const added = drawable({ ...curve, points: curve.points.slice(before.length) }, x);
    update.traces.push(i);
    update.x.push(added.map((p) => place(p, x)));
    update.y.push(added.map((p) => p.value));
  }
  const replaced = figure.data.some((trace, i) => revisionOf(trace, curves) !== drawn.traces[i]?.revision);
  if (replaced) return { kind: "draw" };
  return update.traces.length ? update : { kind: "none" };
}

export function drawnNow(figure: Figure, curves: Curves): Drawn {
  const state = figure.data.map((trace) => ({ revision: revisionOf(trace, curves), length: lengthOf(trace, curves) }));
  return { figure, traces: state };
}

/**
 * Whether the run has numbers that only the server can put into this figure: a series that had no point when the figure was built, or
 * new points of a trace it draws itself.
 */
export function needsServer(figure: Figure, before: Curves, now: Curves): boolean {
  const known = new Set(figure.data.map(followed));
  for (const [key, curve] of now) {
    if (figure.series?.includes(key.slice(0, key.indexOf("|"))) && !known.has(key) && before.get(key) !== curve) return true;
  }
  return false;
}

/** "N of M points", where a curve is thinned; null where all are drawn. */
export function thinned(figure: Figure): { drawn: number; total: number } | null {
  let drawn = 0;
  let total = 0;
  for (const trace of figure.data) {
    const meta = metaOf(trace);
    drawn += meta.step?.length ?? 0;
    total += meta.total ?? meta.step?.length ?? 0;
  }
  return total > drawn ? { drawn, total } : null;
}

export function isEmpty(figure: Figure, curves: Curves): boolean {
  return figure.data.every((trace) => {
    if (followed(trace) !== null) return lengthOf(trace, curves) === 0;
    if (metaOf(trace).compared) return true;
    const z = list(trace["z"]).flatMap(list);
    return z.length ? z.every((cell) => cell === null) : list(trace["x"]).length === 0;
  });
}

/** The server's layout with the theme's template and the page's own fonts and touch habits. */
export function layoutOf(figure: Figure, template: unknown, coarsePointer: boolean): Layout {
  const layout = structuredClone(figure.layout);
  for (const axis of ["xaxis", "yaxis"]) {
    const { title, ...rest } = (layout[axis] ?? {}) as { title?: object };
    layout[axis] = { ...rest, title: { ...title, font: { size: 12 } } };
  }
  return {
    ...layout,
    template,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#8490a1", activecolor: "#3f82f0" },
    font: { ...(layout["font"] as object | undefined), family: "'Inter Variable', system-ui, sans-serif", size: 12 },
    ...(coarsePointer ? { dragmode: false } : {}), // a finger on a chart scrolls the page
  };
}

function drawable(curve: Curve, x: XAxis): readonly Point[] {
  return x === "time" ? curve.points.filter((p) => p.time !== null) : curve.points;
}

function place(point: Point, x: XAxis): string | number | null {
  return x === "time" ? point.time : point.step;
}

function revisionOf(trace: Trace, curves: Curves): number {
  const key = followed(trace);
  return key === null ? 0 : (curves.get(key)?.revision ?? 0);
}

function lengthOf(trace: Trace, curves: Curves): number {
  const key = followed(trace);
  return key === null ? 0 : (curves.get(key)?.points.length ?? 0);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
