/** One chart in its element: draws anew where it must, appends where it can, and tells what a person does with it. */
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import type { Curves } from "../live/curves";
import { advance, pointCount, type Drawn, type Update, type View } from "./drawing";
import { layoutOf } from "./layout";
import { legendKey } from "./meta";
import { place } from "./place";
import { CONFIG, type Layout, type PlotElement, type Plotly, type Trace } from "./plotly";
import { rangeOf, type Range } from "./zoom";

/** The last words on data and layout before Plotly gets them, for a page control such as a slider. */
export type Adjust = (data: Trace[], layout: Layout) => void;

export interface Picture {
  readonly figure: Figure;
  /** null: as the figure was fetched. */
  readonly curves: Curves | null;
  readonly x: XAxis;
  readonly view: View;
  readonly template: unknown;
  readonly height: number;
  readonly adjust: Adjust | undefined;
}

export interface Doings {
  onRange: (range: Range | null) => void;
  /** A name in the legend was clicked: alone, or, with a modifier or twice, on and off. */
  onLegend: (name: string, alone: boolean) => void;
  onHover: (at: number | null) => void;
  onDrawn: (count: { drawn: number; total: number }) => void;
}

/** After new points were drawn, all charts rest so many times as long as that took: drawing leaves the machine to what it shows. */
const REST = 3;

type Extension = Extract<Update, { kind: "extend" }>;

let line: Promise<void> = Promise.resolve();
let restsUntil = 0;

/** How long charts leave new points undrawn yet, in milliseconds. What a person does to a chart is drawn at once. */
export function restLeft(): number {
  return Math.max(0, restsUntil - performance.now());
}

/** Charts draw one after the other, each in a task of its own, so that a click between two of them is not kept waiting for all. */
function turn(): Promise<void> {
  line = line.then(() => new Promise((resolve) => setTimeout(resolve, 0)));
  return line;
}

/** As long as Plotly waits for a second click. */
const DOUBLE_CLICK_MS = 300;

export class Painter {
  private drawn: Drawn | null = null;
  private shown: Picture | null = null;
  private busy: Promise<unknown> = Promise.resolve();
  private isClosed = false;
  private clicked: ReturnType<typeof setTimeout> | undefined;
  private isListening = false;
  private readonly element: PlotElement;
  private readonly plotly: Plotly;
  private readonly doings: () => Doings;

  constructor(element: PlotElement, plotly: Plotly, doings: () => Doings) {
    this.element = element;
    this.plotly = plotly;
    this.doings = doings;
  }

  /** Resolves when it is drawn. */
  paint(picture: Picture): Promise<unknown> {
    if (this.isClosed) return this.busy;
    const before = this.shown && looksAlike(this.shown, picture) ? this.drawn : null;
    const { update, drawn } = advance(before, picture.figure, picture.curves, picture.x, picture.view);
    this.shown = picture;
    this.drawn = drawn;
    if (update.kind === "none") return this.busy;
    if (update.kind === "extend") this.enqueue(() => this.extend(update));
    else this.enqueue(() => this.drawAnew(picture, update.data));
    this.doings().onDrawn(pointCount(drawn));
    return this.busy;
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.clicked);
    void this.busy.finally(() => this.plotly.purge(this.element));
  }

  /** One after the other; what comes later knows what was drawn before. */
  private enqueue(work: () => Promise<unknown>): void {
    this.busy = this.busy
      .then(turn)
      .then(() => (this.isClosed ? undefined : work()))
      .catch((error: unknown) => {
        this.drawn = null;
        console.error(error);
      });
  }

  private async extend({ x, y, traces }: Extension): Promise<void> {
    const began = performance.now();
    await this.plotly.extendTraces(this.element, { x, y }, traces);
    const now = performance.now();
    restsUntil = Math.max(now, restsUntil) + REST * (now - began);
  }

  private async drawAnew({ figure, template, view, height, adjust }: Picture, data: Trace[]): Promise<void> {
    const layout = { ...layoutOf(figure, template, view, matchMedia("(pointer: coarse)").matches), height };
    adjust?.(data, layout);
    await this.plotly.react(this.element, data, layout, CONFIG);
    for (const part of this.element.querySelectorAll(".main-svg")) part.setAttribute("aria-hidden", "true"); // the words stand beside it
    this.listen();
  }

  private listen(): void {
    if (this.isListening || !this.element.on) return;
    this.isListening = true;
    this.element.on("plotly_relayout", (event) => {
      const range = rangeOf(event);
      if (range !== undefined) this.doings().onRange(range);
    });
    this.element.on("plotly_hover", (event) => {
      const [point] = (event as { points?: { x: unknown }[] }).points ?? [];
      this.doings().onHover(place(point?.x));
    });
    this.element.on("plotly_unhover", () => this.doings().onHover(null));
    this.element.on("plotly_legendclick", (event) => this.legendClicked(event as LegendClick));
    this.element.on("plotly_legenddoubleclick", () => false);
  }

  /** False keeps Plotly from hiding by itself: what is hidden stands in the address. */
  private legendClicked({ event, curveNumber, data }: LegendClick): false {
    const name = legendKey(data[curveNumber] ?? {});
    const isSecond = this.clicked !== undefined;
    clearTimeout(this.clicked);
    this.clicked = undefined;
    if (isSecond || event.ctrlKey || event.metaKey || event.shiftKey) this.doings().onLegend(name, false);
    else {
      this.clicked = setTimeout(() => {
        this.clicked = undefined;
        this.doings().onLegend(name, true);
      }, DOUBLE_CLICK_MS);
    }
    return false;
  }
}

interface LegendClick {
  event: MouseEvent;
  curveNumber: number;
  data: Trace[];
}

function looksAlike(a: Picture, b: Picture): boolean {
  return a.x === b.x && a.template === b.template && a.height === b.height && a.adjust === b.adjust;
}
