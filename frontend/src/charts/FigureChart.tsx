import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useRef } from "react";
import { windowQuery } from "../api/charts";
import { figureQuery, type XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { useLive, useLiveRun } from "../live/useLiveRun";
import { ChartTable } from "./ChartTable";
import { isEmpty, isOnlyBase } from "./drawing";
import { FigureCard } from "./FigureCard";
import { FigureMenu } from "./FigureMenu";
import { pointsOf } from "./meta";
import { MOST_ROWS, tableOf } from "./table";
import { useChartView } from "./useChartView";
import { useRefetch, useSummary } from "./useFollowed";
import { useSeen, useVisible } from "./useVisible";
import { useWindow } from "./useWindow";

interface Props {
  runId: string;
  name: string;
  title: string;
  x: XAxis;
  height?: number;
  /** What to say before there is anything to draw. */
  waiting: string;
}

/** One figure of the server, kept current by the stream. Costs nothing until it is on screen. */
export function FigureChart({ runId, name, title, x, height = 260, waiting }: Props) {
  const frame = useRef<HTMLElement>(null);
  const isSeen = useSeen(frame);
  const live = useLiveRun();
  const ready = useLive((view) => view.ready);
  const { data: figure, error, refetch, isPlaceholderData } = useQuery({ ...figureQuery(runId, name, x), enabled: ready && isSeen });
  // before the drawing, which takes the points from there
  useLayoutEffect(() => {
    if (figure && !isPlaceholderData) live.load(pointsOf(figure, x));
  }, [figure, isPlaceholderData, live, x]);

  const chart = useChartView(name, x);
  const zoomed = useWindow(figure, x, chart.view.range, live, (window) => windowQuery(runId, name, x, window));
  const isVisible = useVisible(frame);
  const summary = useSummary(live, runId, figure, x, isVisible);
  useRefetch(live, figure, refetch);

  const empty = useLive((now) => figure !== undefined && isEmpty(figure, now.curves));
  const onlyBase = useLive((now) => figure !== undefined && isOnlyBase(figure, now.curves));
  const stale = useLive((now) => now.connection === "reconnecting");
  return (
    <FigureCard
      {...{ frame, name, title, figure, zoomed, x, height, chart, live, summary, error, stale }}
      onRetry={() => void refetch()}
      waiting={empty ? waiting : null}
      note={onlyBase ? "the base; experts follow" : null}
      menu={figure && <FigureMenu {...{ runId, figure, x, height, chart, live, frame }} />}
      table={figure && <LiveTable figure={figure} height={height} />}
    />
  );
}

function LiveTable({ figure, height }: { figure: Figure; height: number }) {
  const curves = useLive((view) => view.curves);
  return <ChartTable table={tableOf(figure, curves, MOST_ROWS)} title={figure.title} height={height} />;
}
