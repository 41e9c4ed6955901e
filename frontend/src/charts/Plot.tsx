import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import type { Curves } from "../live/curves";
import type { LiveRun } from "../live/LiveRun";
import { PLAIN_VIEW, type View } from "./drawing";
import { hoverGroup } from "./hover";
import { HoverLine } from "./HoverLine";
import { axisTitle } from "./layout";
import { Painter, restLeft, type Adjust, type Doings } from "./painter";
import { loadPlotly, type PlotElement } from "./plotly";
import type { Range } from "./zoom";
import { useHeight } from "./useLarge";
import { useTemplate } from "./useTemplate";
import { useTabShown, useVisible } from "./useVisible";
import classes from "./ChartFrame.module.css";

/** The page is told at most four times a second (live/LiveRun.ts); this only keeps what else redraws a chart from adding to it. */
const REDRAW_MS = 200;

export interface PlotProps {
  /** Whose curves the figure follows; null for one that is as it was fetched. */
  live: LiveRun | null;
  figure: Figure;
  x: XAxis;
  height: number;
  view?: View;
  /** The data now in words, where they are newer than the figure's. */
  summary?: string;
  /** Which curves to draw, of the page's. */
  select?: (curves: Curves) => Curves;
  adjust?: Adjust;
  onRange?: (range: Range | null) => void;
  onLegend?: (name: string, alone: boolean) => void;
  onDrawn?: (count: { drawn: number; total: number }) => void;
  /** Its element, for saving. */
  onElement?: (element: PlotElement | null) => void;
}

const nothing = (): void => undefined;

/** Draws a figure when it comes near the screen, and what is new while it is on it, at most four times a second. */
export function Plot(props: PlotProps) {
  const { live, figure, x, view = PLAIN_VIEW, summary = figure.summary, select, adjust, onElement } = props;
  const height = useHeight(props.height);
  const template = useTemplate();
  const element = useRef<PlotElement>(null);
  const isNear = useVisible(element);
  const isOnScreen = useVisible(element, 0);
  const isTabShown = useTabShown();
  const isDrawn = isNear && isTabShown && template !== undefined;
  const group = useMemo(() => {
    const title = axisTitle(figure);
    return title === null ? null : hoverGroup(title);
  }, [figure]);

  const doings = useDoings(props, (at) => element.current && group?.tell(element.current, at));
  const painter = usePainter(element, isDrawn, doings);

  useEffect(() => {
    if (!isDrawn || !painter) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let began = 0;
    let [isDrawing, isBehind, isOver] = [false, false, false];
    const draw = async (): Promise<void> => {
      timer = undefined;
      began = performance.now();
      [isDrawing, isBehind] = [true, false];
      const all = live?.snapshot().curves ?? null;
      await painter.paint({ figure, curves: all && select ? select(all) : all, x, view, template, height, adjust });
      isDrawing = false;
      if (isBehind && !isOver) drawSoon();
    };
    const drawSoon = (): void => {
      if (isDrawing) isBehind = true; // drawings do not queue: the next one shows all that has come
      else timer ??= setTimeout(() => void draw(), Math.max(REDRAW_MS - (performance.now() - began), restLeft()));
    };
    void draw();
    const unsubscribe = isOnScreen ? live?.subscribe(drawSoon) : undefined;
    return () => {
      isOver = true;
      clearTimeout(timer);
      unsubscribe?.();
    };
  }, [adjust, figure, height, isDrawn, isOnScreen, live, painter, select, template, view, x]);

  useEffect(() => {
    onElement?.(element.current);
    return () => onElement?.(null);
  }, [onElement]);

  return (
    <div className={classes.drawing} style={{ height }}>
      {/* The picture and its words; Plotly's legend stands beside it, since an image has no buttons in it. */}
      <div className={classes.words} role="img" aria-label={`${figure.title} ${summary}`} />
      <div ref={element} style={{ height }} />
      {group && <HoverLine group={group} element={element} />}
    </div>
  );
}

/** What the painter tells, always to the newest listeners. */
function useDoings({ onRange = nothing, onLegend = nothing, onDrawn = nothing }: PlotProps, onHover: Doings["onHover"]): RefObject<Doings> {
  const doings = useRef<Doings>({ onRange, onLegend, onHover, onDrawn });
  useEffect(() => {
    doings.current = { onRange, onLegend, onHover, onDrawn };
  });
  return doings;
}

/** The chart's painter, from when it is first drawn until it leaves the page. */
function usePainter(element: RefObject<PlotElement | null>, isWanted: boolean, doings: RefObject<Doings>): Painter | null {
  const [painter, setPainter] = useState<Painter | null>(null);
  const [wasWanted, setWasWanted] = useState(false);
  if (isWanted && !wasWanted) setWasWanted(true);
  useEffect(() => {
    if (!wasWanted) return;
    let made: Painter | null = null;
    let isOver = false;
    void loadPlotly().then((plotly) => {
      if (isOver || !element.current) return;
      made = new Painter(element.current, plotly, () => doings.current);
      setPainter(made);
    });
    return () => {
      isOver = true;
      made?.close();
      setPainter(null);
    };
  }, [doings, element, wasWanted]);
  return painter;
}
