/** Plotly, loaded when the first chart mounts: the only place that knows the library. */
import type { Figure } from "../api/types";

export type Trace = Figure["data"][number];
export type Layout = Figure["layout"];
export interface PlotElement extends HTMLDivElement {
  on?: (event: string, listener: (data: unknown) => unknown) => void;
  /** What is drawn, once something is. */
  data?: Trace[];
  layout?: Layout;
  _fullLayout?: {
    hovermode?: string | false;
    xaxis: { _offset: number; _length: number; type: string; title: { text?: string }; d2p: (at: number) => number };
    yaxis: { _offset: number; _length: number };
  };
}

export interface ImageOptions {
  format: "png" | "svg";
  width: number;
  height: number;
  scale?: number;
}

export interface Plotly {
  react(element: PlotElement, data: Trace[], layout: Layout, config: Record<string, unknown>): Promise<unknown>;
  extendTraces(element: PlotElement, update: { x: unknown[][]; y: unknown[][] }, traces: number[]): Promise<unknown>;
  purge(element: PlotElement): void;
  toImage(figure: { data: Trace[]; layout: Layout; config: Record<string, unknown> }, options: ImageOptions): Promise<string>;
}

/** The one configuration. Nothing leaves this page: no cloud button, no server to send to. The card's menu does what the bar did. */
export const CONFIG: Record<string, unknown> = {
  showSendToCloud: false,
  plotlyServerURL: "",
  displaylogo: false,
  responsive: true,
  displayModeBar: false,
  doubleClick: "autosize",
};

let loading: Promise<Plotly> | null = null;

export function loadPlotly(): Promise<Plotly> {
  loading ??= import("plotly.js-cartesian-dist-min").then((module) => module.default);
  loading.catch(() => (loading = null)); // a failed download is tried again by the next chart
  return loading;
}
