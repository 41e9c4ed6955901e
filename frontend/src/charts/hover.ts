/** What the curves of a chart say at one place of the horizontal axis. Pure. */
import { halfIntervals, legendKey, list, metaOf, number, plain } from "./meta";
import { place } from "./place";
import type { Trace } from "./plotly";

export interface ValueAt {
  readonly name: string;
  readonly colour: string;
  /** As it was measured. */
  readonly value: number;
  /** Half its interval. */
  readonly interval: number | null;
  /** What the smoothed line says there. */
  readonly smoothed: number | null;
  /** Where that was measured, if it was before the place that is asked for. */
  readonly since: number | null;
}

/** The newest value of each shown curve at or before `at`: a curve that begins later says nothing, and the base's holds for ever. Those of
 * a run that is drawn beside this one are told where it is asked for, as far as they reach. */
export function valuesAt(traces: readonly Trace[], at: number, withCompared = false): ValueAt[] {
  const smooth = new Map(traces.map((trace) => [metaOf(trace).of, trace]));
  return traces.flatMap((trace, i): ValueAt[] => {
    if (!isTold(trace, smooth.has(i)) || (metaOf(trace).compared && !withCompared)) return [];
    const { compared, label, series } = metaOf(trace);
    const [x, y] = [list(trace["x"]), list(trace["y"])];
    const newest = lastAtOrBefore(x, at);
    if (compared && newest === x.length - 1 && place(x[newest]) !== at) return []; // the other run has not come so far
    const found = y.findLastIndex((value, j) => j <= newest && typeof value === "number");
    const value = number(y[found]);
    if (value === null) return [];
    const where = place(x[found]);
    return [
      {
        name: plain(label ?? trace["name"] ?? legendKey(trace)),
        colour: (trace["line"] as { color?: string } | undefined)?.color ?? "currentColor",
        value,
        interval: halfIntervals(trace)[found] || null,
        smoothed: smoothedAt(smooth.get(i), x[found], found),
        since: where === null || where === at || series?.policy === "base" ? null : where,
      },
    ];
  });
}

/** Whether the trace is shown and measured; Plotly passes over one that has a smoothed line before it. */
function isTold({ visible, hoverinfo, meta }: Trace, isSmoothed: boolean): boolean {
  const isShown = visible === undefined || visible === true;
  return isShown && (isSmoothed || hoverinfo !== "skip") && metaOf({ meta }).mode !== "smoothed";
}

/** The smoothed line has the measured points in their order, and breaks between them: so it stands at `index` or later. */
function smoothedAt(smooth: Trace | undefined, where: unknown, index: number): number | null {
  const [x, y] = [list(smooth?.["x"]), list(smooth?.["y"])];
  return number(y.find((value, j) => j >= index && x[j] === where && typeof value === "number"));
}

/** Of ascending places. −1 when all are after. */
function lastAtOrBefore(places: readonly unknown[], at: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((place(places[middle]) ?? -Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** "training steps: 96", "time: 10:00:05", as the axis writes it. */
export function placeText(title: string, type: string, at: number): string {
  return `${title}: ${pointText(type, at)}`;
}

/** A place alone. */
export function pointText(type: string, at: number): string {
  return type === "date" ? new Date(at).toISOString().slice(11, 19) : at.toLocaleString("en", { maximumSignificantDigits: 6 });
}

/** Whether it is this chart that the pointer is on. */
export type Listener = (at: number | null, isHere: boolean) => void;

/** Charts of one page that have the same horizontal axis: what one is hovered at, all are told, once a frame at most. */
export class HoverGroup {
  private readonly listeners = new Map<object, Listener>();
  private waiting = false;
  private source: object | null = null;
  private at: number | null = null;

  /** `listen` hears what it and the others are hovered at; the answer leaves. */
  join(chart: object, listen: Listener): () => void {
    this.listeners.set(chart, listen);
    return () => {
      this.listeners.delete(chart);
      if (this.source === chart) this.tell(chart, null);
    };
  }

  tell(chart: object, at: number | null): void {
    if (at === null && this.source !== chart) return; // another chart is hovered by now
    this.source = chart;
    this.at = at;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      for (const [other, listen] of this.listeners) listen(this.at, other === this.source);
    });
  }
}

const groups = new Map<string, HoverGroup>();

/** The charts whose axis is called so. */
export function hoverGroup(axis: string): HoverGroup {
  const group = groups.get(axis) ?? new HoverGroup();
  groups.set(axis, group);
  return group;
}
