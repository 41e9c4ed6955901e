/** What the curves of a chart say at one place of the horizontal axis. Pure. */
import { legendKey, metaOf, plain } from "./meta";
import { place } from "./place";
import type { Trace } from "./plotly";

export interface ValueAt {
  readonly name: string;
  readonly colour: string;
  readonly value: number;
}

/** The newest value of each shown curve at or before `at`: a curve that begins later says nothing. */
export function valuesAt(traces: readonly Trace[], at: number): ValueAt[] {
  return traces.flatMap((trace): ValueAt[] => {
    const { x, y, visible, hoverinfo, line } = trace as { x?: unknown[]; y?: unknown[]; visible?: unknown; hoverinfo?: unknown; line?: { color?: string } };
    if (!x || !y || metaOf(trace).compared || hoverinfo === "skip" || (visible !== undefined && visible !== true)) return [];
    for (let i = lastAtOrBefore(x, at); i >= 0; i -= 1) {
      const value = y[i];
      if (typeof value === "number") return [{ name: plain(trace["name"] ?? legendKey(trace)), colour: line?.color ?? "currentColor", value }];
    }
    return [];
  });
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

/** Charts of one page that have the same horizontal axis: what one is hovered at, all are told, once a frame at most. */
export class HoverGroup {
  private readonly listeners = new Map<object, (at: number | null) => void>();
  private waiting = false;
  private source: object | null = null;
  private at: number | null = null;

  /** `listen` hears what the others hover; the answer leaves. */
  join(chart: object, listen: (at: number | null) => void): () => void {
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
      for (const [other, listen] of this.listeners) if (other !== this.source) listen(this.at);
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
