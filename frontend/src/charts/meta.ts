/** What the server says of each trace of a figure, and the points a figure holds. Pure. */
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { seriesKey, type Batch, type Point, type SeriesName } from "../live/curves";
import type { Trace } from "./plotly";

export interface TraceMeta {
  mode: "append" | "replace" | "smoothed";
  series?: SeriesName;
  step?: number[];
  attempt?: number[];
  total?: number;
  error_scale?: number;
  compared?: boolean;
  /** Of a smoothed line: where in the figure the trace stands that it smooths. */
  of?: number;
  /** What it is called where it stands alone, unlike in the legend, which it shares with others. */
  label?: string;
}

export function metaOf(trace: Trace): TraceMeta {
  return (trace["meta"] ?? { mode: "replace" }) as TraceMeta;
}

/** The key of the series a trace follows; null for one that only the server can draw. */
export function followed(trace: Trace): string | null {
  const { mode, series } = metaOf(trace);
  return mode === "append" && series ? seriesKey(series) : null;
}

/** What the legend switches together: a group where there is one, else the trace. */
export function legendKey(trace: Trace): string {
  return String(trace["legendgroup"] ?? trace["name"] ?? "");
}

/** All names of the legend, each once. */
export function legendNames(figure: Figure): string[] {
  return [...new Set(figure.data.map(legendKey).filter(Boolean))];
}

/** Whether some curve is thinned: then a closer look shows more. */
export function leavesOut(figure: Figure): boolean {
  return figure.data.some((trace) => {
    const { total, step } = metaOf(trace);
    return total !== undefined && total > (step?.length ?? 0);
  });
}

/** The points a fetched figure holds, for the store. */
export function pointsOf(figure: Figure, x: XAxis): Batch[] {
  return figure.data.flatMap((trace): Batch[] => {
    const key = followed(trace);
    if (key === null) return [];
    const { step = [], attempt = [], error_scale: scale = 1 } = metaOf(trace);
    const at = list(trace["x"]);
    const value = list(trace["y"]);
    const bars = halfIntervals(trace);
    const points = step.map((s, i): Point => {
      const bar = bars[i] ?? null;
      const time = x === "time" ? String(at[i]) : null;
      return { step: s, value: number(value[i]), se: bar === null ? null : bar / scale, attempt: attempt[i] ?? 0, time };
    });
    return [{ key, points }];
  });
}

/** Half the interval at each point; none where the trace has no intervals. */
export function halfIntervals(trace: Trace): (number | null)[] {
  return list((trace["error_y"] as Record<string, unknown> | undefined)?.["array"]).map(number);
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/** A name as a person wrote it: figures escape names, because Plotly reads markup. */
export function plain(text: unknown): string {
  return String(text ?? "").replace(/&(amp|lt|gt|quot|#x27);/g, (entity) => ENTITIES[entity] ?? entity);
}
