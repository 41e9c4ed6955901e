/** Plotly, loaded when the first chart mounts: the only place that knows the library. */
import type { Figure } from "../api/types";

export type Trace = Figure["data"][number];
export type Layout = Figure["layout"];
export interface PlotElement extends HTMLElement {
  on?: (event: string, listener: (data: unknown) => void) => void;
}

export interface Plotly {
  react(element: PlotElement, data: Trace[], layout: Layout, config: Record<string, unknown>): Promise<unknown>;
  extendTraces(element: PlotElement, update: { x: unknown[][]; y: unknown[][] }, traces: number[]): Promise<unknown>;
  restyle(element: PlotElement, update: Record<string, unknown>, traces: number[]): Promise<unknown>;
  purge(element: PlotElement): void;
}

/** The one configuration. Nothing leaves this page: no cloud button, no server to send to. Without a mouse there is no hovering, so no bar. */
export function configFor(coarsePointer: boolean): Record<string, unknown> {
  return {
    showSendToCloud: false,
    plotlyServerURL: "",
    displaylogo: false,
    responsive: true,
    displayModeBar: coarsePointer ? false : "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
}

let loading: Promise<Plotly> | null = null;

export function loadPlotly(): Promise<Plotly> {
  loading ??= import("plotly.js-cartesian-dist-min").then((module) => module.default);
  loading.catch(() => (loading = null)); // a failed download is tried again by the next chart
  return loading;
}
