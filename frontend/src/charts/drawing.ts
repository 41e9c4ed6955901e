/** From a figure of the server and the page's curves to what Plotly is told. Pure. */
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import type { Curve, Curves, Point } from "../live/curves";
import { followed, legendKey, list, metaOf, number } from "./meta";
import { place } from "./place";
import type { Trace } from "./plotly";
import { smoothed, usualSpacing } from "./smoothing";
import { thin } from "./thin";
import type { Range } from "./zoom";

/** Most points drawn of a curve; so many more may be added at its end before it is thinned again. */
export const MOST_POINTS = 1_000;
const SLACK = 1.25;

/** With more points than this a curve is a line without markers: they would hide each other, and cost more than all else. */
const MOST_MARKERS = 200;

/** How a person wants to see a chart. */
export interface View {
  /** 0 (not at all) to below 1. */
  readonly smoothing: number;
  /** Also curves whose points stand for themselves, each with its marker. */
  readonly smoothAll: boolean;
  readonly logY: boolean;
  /** Names in the legend. */
  readonly hidden: readonly string[];
  /** null: everything. */
  readonly range: Range | null;
}

export const PLAIN_VIEW: View = { smoothing: 0, smoothAll: false, logY: false, hidden: [], range: null };

/** What is drawn of a trace. */
interface DrawnTrace {
  /** As the server made it: it follows no series, or there are no curves to follow. */
  readonly isStill: boolean;
  readonly curve: Curve | undefined;
  /** Of a still one only what is smoothed. */
  readonly points: readonly Point[];
  /** How far apart its points usually are: for smoothing, and to see a pause. */
  readonly spacing: number;
  readonly isSmoothed: boolean;
  /** Too many points for markers. */
  readonly isDense: boolean;
}

/** What a chart has drawn, to know what is new. */
export interface Drawn {
  readonly figure: Figure;
  readonly view: View;
  readonly traces: readonly DrawnTrace[];
}

export type Update =
  | { kind: "none" }
  | { kind: "draw"; data: Trace[] }
  | { kind: "extend"; traces: number[]; x: unknown[][]; y: unknown[][] };

export interface Advance {
  readonly update: Update;
  readonly drawn: Drawn;
}

/**
 * What must happen for the chart to show the curves as they are now. Without curves (null) the figure is drawn as the server made it.
 *
 * The smoothed lines come after all of the figure's own traces, so that these keep their places.
 */
export function advance(drawn: Drawn | null, figure: Figure, curves: Curves | null, x: XAxis, view: View): Advance {
  if (!drawn || drawn.figure !== figure || drawn.view !== view) return anew(figure, curves, x, view);
  const traces = figure.data.map((trace, i) => grown(drawn.traces[i], trace, curves, x, view));
  if (traces.includes(null)) return anew(figure, curves, x, view);
  const update = { kind: "extend" as const, traces: [] as number[], x: [] as unknown[][], y: [] as unknown[][] };
  const add = (index: number, before: readonly Point[], after: readonly Point[]): void => {
    const added = after.slice(before.length);
    update.traces.push(index);
    update.x.push(added.map((point) => at(point, x)));
    update.y.push(added.map((point) => point.value));
  };
  let smoothIndex = figure.data.length;
  for (const [i, now] of traces.entries()) {
    const before = drawn.traces[i];
    if (!now || !before) continue;
    const own = now.isSmoothed ? smoothIndex++ : null;
    if (now.points.length === before.points.length) continue;
    const trace = figure.data[i] ?? {};
    add(i, rawPoints(trace, before), rawPoints(trace, now));
    if (own !== null) add(own, smoothed(before.points, view.smoothing, now.spacing), smoothed(now.points, view.smoothing, now.spacing));
  }
  const next = { figure, view, traces: traces.filter((trace) => trace !== null) };
  return { update: update.traces.length ? update : { kind: "none" }, drawn: next };
}

/** Two that are set, not measured: a smoothed one would tell a value that nobody set. And the whole step, which is the top of its parts. */
const NEVER_SMOOTHED: readonly string[] = ["lr", "w", "step_seconds"];

/** Whether the trace is a line of which each point is one step of many: those are smoothed. Points with markers stand for themselves, and a
 * band of a stack on the one below it. */
export function isSmoothable(trace: Trace, smoothAll: boolean): boolean {
  const { total, compared, series, error_scale: scale } = metaOf(trace);
  const isCurve = total !== undefined && !compared && trace["stackgroup"] === undefined && !NEVER_SMOOTHED.includes(series?.name ?? "");
  return isCurve && (smoothAll || (trace["mode"] === "lines" && scale === undefined));
}

/** "N of M points": how many are drawn, and how many there are. */
export function pointCount({ figure, view, traces }: Drawn): { drawn: number; total: number } {
  let drawn = 0;
  let total = 0;
  for (const [i, trace] of figure.data.entries()) {
    const meta = metaOf(trace);
    const fetched = meta.step?.length ?? 0;
    const known = traces[i]?.curve?.points.length ?? fetched;
    drawn += traces[i]?.isStill ? looked(trace, view.range) : (traces[i]?.points.length ?? 0);
    total += (meta.total ?? fetched) + Math.max(0, known - fetched);
  }
  return { drawn, total };
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

export function isEmpty(figure: Figure, curves: Curves | null): boolean {
  return figure.data.every((trace) => {
    const key = followed(trace);
    if (curves !== null && key !== null) return !curves.get(key)?.points.length;
    if (metaOf(trace).compared) return true;
    const z = list(trace["z"]).flatMap(list);
    return z.length ? z.every((cell) => cell === null) : list(trace["x"]).length === 0;
  });
}

/** Whether there is nothing yet but the base's level. */
export function isOnlyBase(figure: Figure, curves: Curves): boolean {
  const known = figure.data.filter((trace) => !metaOf(trace).compared && curves.get(followed(trace) ?? "")?.points.length);
  return known.length > 0 && known.every((trace) => metaOf(trace).series?.policy === "base");
}

/** Whether a logarithmic axis can show all of it. Asked at every update: it looks no further than it must, and makes no lists. */
export function isPositive(figure: Figure, curves: Curves | null): boolean {
  let numbers = 0;
  for (const trace of figure.data) {
    const points = curves?.get(followed(trace) ?? "")?.points;
    for (const at of points ?? list(trace["y"])) {
      const value = points ? (at as Point).value : at;
      if (value === null || value === undefined) continue;
      if (typeof value !== "number" || value <= 0) return false;
      numbers += 1;
    }
  }
  return numbers > 0;
}

function anew(figure: Figure, curves: Curves | null, x: XAxis, view: View): Advance {
  const drawn = figure.data.map((trace) => first(trace, curves, x, view));
  const raw = figure.data.map((trace, i) => rawTrace(trace, drawn[i], x, view));
  const smooth = figure.data.flatMap((trace, i) => smoothTrace(trace, i, drawn[i], x, view));
  return { update: { kind: "draw", data: [...raw, ...smooth] }, drawn: { figure, view, traces: drawn } };
}

function first(trace: Trace, curves: Curves | null, x: XAxis, view: View): DrawnTrace {
  const key = followed(trace);
  if (key === null || curves === null) return still(trace, view);
  const curve = curves.get(key);
  const points = thin(clipped(drawable(curve?.points ?? [], x), x, view.range), MOST_POINTS);
  const isSmoothed = view.smoothing > 0 && isSmoothable(trace, view.smoothAll);
  return { isStill: false, curve, points, spacing: usualSpacing(points), isSmoothed, isDense: points.length > MOST_MARKERS };
}

function still(trace: Trace, view: View): DrawnTrace {
  const isSmoothed = view.smoothing > 0 && isSmoothable(trace, view.smoothAll);
  const values = list(trace["y"]);
  const steps = isSmoothed ? (metaOf(trace).step ?? []) : [];
  const points = steps.map((step, i): Point => ({ step, value: number(values[i]), se: null, attempt: 0, time: null }));
  return { isStill: true, curve: undefined, points, spacing: usualSpacing(points), isSmoothed, isDense: false };
}

/** The trace with the points that came at its end; null when more than that has changed. */
function grown(before: DrawnTrace | undefined, trace: Trace, curves: Curves | null, x: XAxis, view: View): DrawnTrace | null {
  const key = followed(trace);
  if (!before) return null;
  if (key === null || curves === null || before.curve === curves.get(key)) return before;
  const curve = curves.get(key);
  if (!curve || curve.revision !== (before.curve?.revision ?? curve.revision)) return null;
  const added = drawable(curve.points.slice(before.curve?.points.length ?? 0), x);
  if (view.range) return isBeyond([...before.points.slice(-1), ...added], x, view.range) ? { ...before, curve } : null;
  if (metaOf(trace).error_scale) return null;
  const points = [...before.points, ...added];
  if (points.length > SLACK * MOST_POINTS) return null;
  if (before.isSmoothed && before.points.length < 16) return null; // what is usual is not known yet
  if (before.isDense !== points.length > MOST_MARKERS) return null;
  return { ...before, curve, points };
}

function rawTrace(trace: Trace, drawn: DrawnTrace | undefined, x: XAxis, view: View): Trace {
  const { x: xs, y: ys, meta: _, error_y: errors, ...look } = trace;
  const { mode, series, compared, label } = metaOf(trace);
  const isHidden = view.hidden.includes(legendKey(trace));
  const kept: Trace = { ...structuredClone(look), meta: { mode, series, compared, label }, ...(isHidden && { visible: "legendonly" }) };
  const faint = drawn?.isSmoothed && { opacity: 0.25, showlegend: false, hoverinfo: "skip", hovertemplate: null, ...(isHidden && { visible: false }) };
  if (!drawn || drawn.isStill) return { ...kept, ...(xs !== undefined && { x: xs, y: ys }), ...(errors != null && !faint && { error_y: errors }), ...faint };
  const scale = metaOf(trace).error_scale;
  const bars = scale && { error_y: { ...(errors as object), array: drawn.points.map((point) => (point.se ?? 0) * scale) } };
  const points = rawPoints(trace, drawn);
  const isLine = drawn.isDense && !scale;
  const placed = { x: points.map((point) => at(point, x)), y: points.map((point) => point.value), ...(isLine && { mode: "lines" }) };
  return { ...kept, ...placed, ...(faint || bars) };
}

/** Where markers become a line, it is broken where the curve pauses. */
function rawPoints(trace: Trace, { points, isDense, spacing }: DrawnTrace): readonly Point[] {
  return isDense && trace["mode"] === "markers" ? smoothed(points, 0, spacing) : points;
}

function smoothTrace(trace: Trace, index: number, drawn: DrawnTrace | undefined, x: XAxis, view: View): Trace[] {
  if (!drawn?.isSmoothed) return [];
  const points = smoothed(drawn.points, view.smoothing, drawn.spacing);
  const { name, line, hovertemplate, legendgroup } = trace;
  const isHidden = view.hidden.includes(legendKey(trace));
  const places = drawn.isStill ? new Map(metaOf(trace).step?.map((step, i) => [step, list(trace["x"])[i]])) : null;
  return [
    {
      ...structuredClone({ type: trace["type"], name, line, hovertemplate, ...(legendgroup !== undefined && { legendgroup }) }),
      mode: "lines",
      x: points.map((point) => (places ? (places.get(point.step) ?? null) : at(point, x))),
      y: points.map((point) => point.value),
      meta: { mode: "smoothed", of: index },
      ...(isHidden && { visible: "legendonly" }),
    },
  ];
}

function drawable(points: readonly Point[], x: XAxis): readonly Point[] {
  return x === "time" ? points.filter((point) => point.time !== null) : points;
}

function isBeyond(points: readonly Point[], x: XAxis, range: Range): boolean {
  return points.length > 0 && points.every((point) => (place(at(point, x)) ?? -Infinity) > range[1]);
}

/** The points in the range and one on each side, so that lines leave the picture where they go. */
function clipped(points: readonly Point[], x: XAxis, range: Range | null): readonly Point[] {
  if (!range) return points;
  const isIn = (point: Point): boolean => lies(at(point, x), range);
  const from = points.findIndex(isIn);
  if (from < 0) return [];
  return points.slice(Math.max(0, from - 1), points.findLastIndex(isIn) + 2);
}

/** How many of a still trace's points are looked at. */
function looked(trace: Trace, range: Range | null): number {
  const fetched = metaOf(trace).step?.length ?? 0;
  return fetched && range ? list(trace["x"]).filter((at) => lies(at, range)).length : fetched;
}

function lies(at: unknown, range: Range): boolean {
  const here = place(at);
  return here !== null && here >= range[0] && here <= range[1];
}

function at(point: Point, x: XAxis): string | number | null {
  return x === "time" ? point.time : point.step;
}
