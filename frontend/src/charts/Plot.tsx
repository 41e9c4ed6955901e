import { useComputedColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { figureListQuery, type XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { useLiveRun } from "../live/useLiveRun";
import { drawnNow, layoutOf, plan, traces, type Drawn } from "./drawing";
import { configFor, loadPlotly, type Layout, type PlotElement, type Plotly, type Trace } from "./plotly";
import { useVisible } from "./useVisible";
import classes from "./ChartFrame.module.css";

const REDRAW_MS = 250;

/** The last words on data and layout before Plotly gets them, for a page control such as a slider. */
export type Adjust = (data: Trace[], layout: Layout) => void;

interface Props {
  runId: string;
  figure: Figure;
  x: XAxis;
  height: number;
  adjust?: Adjust;
}

/** The parts of a picture are not read out: its words are. */
function hideParts(target: HTMLElement): void {
  for (const part of target.querySelectorAll(".main-svg")) part.setAttribute("aria-hidden", "true");
}

/** Draws a figure while it is on screen, at most four times a second: appends where it can, draws anew where it must. */
export function Plot({ runId, figure, x, height, adjust }: Props) {
  const live = useLiveRun();
  const scheme = useComputedColorScheme("light");
  const template = useQuery(figureListQuery(runId)).data?.templates[scheme];
  const element = useRef<HTMLDivElement>(null);
  const visible = useVisible(element);

  useEffect(() => {
    const target = element.current;
    if (!target || !visible || !template) return;
    let plotly: Plotly | null = null;
    let drawn: Drawn | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let closed = false;
    let busy: Promise<unknown> = Promise.resolve();

    // One after the other, and none once a newer figure draws: a late append would show its points twice.
    const enqueue = (work: () => Promise<unknown>): void => {
      busy = busy
        .then(() => (closed ? undefined : work()))
        .catch((error: unknown) => {
          drawn = null;
          console.error(error);
        });
    };
    const draw = (): void => {
      timer = undefined;
      if (!plotly || closed) return;
      const { curves } = live.snapshot();
      const update = plan(drawn, figure, curves, x);
      if (update.kind === "none") return;
      drawn = drawnNow(figure, curves);
      const api = plotly;
      if (update.kind === "extend") {
        enqueue(() => api.extendTraces(target, { x: update.x, y: update.y }, update.traces));
      } else {
        const data = traces(figure, curves, x);
        const coarse = matchMedia("(pointer: coarse)").matches;
        const layout = { ...layoutOf(figure, template, coarse), height };
        adjust?.(data, layout);
        enqueue(() => api.react(target, data, layout, configFor(coarse)).then(() => hideParts(target)));
      }
    };
    const drawSoon = (): void => {
      timer ??= setTimeout(draw, REDRAW_MS);
    };
    void loadPlotly().then((loaded) => {
      plotly = loaded;
      draw();
    });
    const unsubscribe = live.subscribe(drawSoon);
    return () => {
      closed = true;
      clearTimeout(timer);
      unsubscribe();
    };
  }, [adjust, figure, height, live, template, visible, x]);

  useEffect(() => {
    const target: PlotElement | null = element.current;
    return () => {
      if (target) void loadPlotly().then((plotly) => plotly.purge(target));
    };
  }, []);

  return (
    <div className={classes.drawing} style={{ height }}>
      {/* The picture and its words; Plotly's buttons stand beside it, since an image has no buttons in it. */}
      <div className={classes.words} role="img" aria-label={`${figure.title} ${figure.summary}`} />
      <div ref={element} style={{ height }} />
    </div>
  );
}
