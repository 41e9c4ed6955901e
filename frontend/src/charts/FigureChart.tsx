import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { windowQuery } from "../api/charts";
import { figureQuery, type XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { useLive, useLiveRun } from "../live/useLiveRun";
import { ChartFrame } from "./ChartFrame";
import { ChartTable } from "./ChartTable";
import { isEmpty, isOnlyBase } from "./drawing";
import { FigureMenu } from "./FigureMenu";
import { leavesOut, legendNames, pointsOf } from "./meta";
import { Plot } from "./Plot";
import { tableOf } from "./table";
import { useChartView } from "./useChartView";
import { useRefetch, useSummary } from "./useFollowed";
import { useLinkedTo } from "./useLinkedTo";
import { useSeen, useVisible } from "./useVisible";
import { stepWindow, windowed, type Range } from "./zoom";
import classes from "./ChartFrame.module.css";

interface Props {
  runId: string;
  name: string;
  title: string;
  x: XAxis;
  height?: number;
  /** What to say before there is anything to draw. */
  waiting: string;
}

const MOST_ROWS = 200;

/** One figure of the server, kept current by the stream. Costs nothing until it is on screen. */
export function FigureChart({ runId, name, title, x, height = 260, waiting }: Props) {
  const frame = useRef<HTMLElement>(null);
  const id = useLinkedTo(name, frame);
  const isSeen = useSeen(frame);
  const live = useLiveRun();
  const ready = useLive((view) => view.ready);
  const { data: figure, error, refetch, isPlaceholderData } = useQuery({ ...figureQuery(runId, name, x), enabled: ready && isSeen });
  useEffect(() => {
    if (figure && !isPlaceholderData) live.load(pointsOf(figure, x));
  }, [figure, isPlaceholderData, live, x]);

  const chart = useChartView(name, x);
  const { view } = chart;
  const [count, setCount] = useState({ drawn: 0, total: 0 });
  const zoomed = useWindow(runId, name, x, view.range, figure);
  const isVisible = useVisible(frame);
  const summary = useSummary(live, runId, figure, x, isVisible);
  useRefetch(live, figure, refetch);

  const empty = useLive((now) => figure !== undefined && isEmpty(figure, now.curves));
  const onlyBase = useLive((now) => figure !== undefined && isOnlyBase(figure, now.curves));
  const stale = useLive((now) => now.connection === "reconnecting");
  const names = figure ? legendNames(figure) : [];
  return (
    <ChartFrame
      ref={frame}
      id={id}
      title={figure?.title ?? title}
      help={figure?.help}
      note={noteOf(count, view.range) ?? (onlyBase ? "the base; experts follow" : null)}
      height={height}
      error={error}
      onRetry={() => void refetch()}
      loading={!figure}
      stale={stale}
      waiting={empty ? waiting : null}
      menu={
        <>
          {view.range && (
            <Button variant="subtle" size="compact-xs" className={classes.reset} onClick={() => chart.setRange(null)}>
              Reset zoom
            </Button>
          )}
          {figure && !empty && <FigureMenu runId={runId} figure={figure} x={x} height={height} chart={chart} live={live} frame={frame} />}
        </>
      }
    >
      {figure &&
        (chart.isTable ? (
          <LiveTable figure={figure} height={height} />
        ) : (
          <Plot
            live={live}
            figure={zoomed?.figure ?? figure}
            x={x}
            height={height}
            view={view}
            summary={summary}
            {...(zoomed && { select: zoomed.select })}
            onRange={chart.setRange}
            onLegend={(chosen, alone) => chart.choose(names, chosen, alone)}
            onDrawn={({ drawn, total }) => setCount((before) => (before.drawn === drawn && before.total === total ? before : { drawn, total }))}
          />
        ))}
    </ChartFrame>
  );
}

/** What is zoomed into, fetched anew, where the figure at hand leaves points out; null where it has them all. */
function useWindow(runId: string, name: string, x: XAxis, range: Range | null, figure: Figure | undefined) {
  const live = useLiveRun();
  const window = useMemo(
    () => (figure && range && leavesOut(figure) ? stepWindow(figure, live.snapshot().curves, x, range) : null),
    [figure, live, range, x],
  );
  const { data } = useQuery({
    ...windowQuery(runId, name, x, window ?? { start: 0, stop: 0 }),
    enabled: window !== null,
    placeholderData: keepPreviousData,
  });
  return useMemo(() => (window && data ? { figure: data, select: windowed(data, x, window) } : null), [data, window, x]);
}

function LiveTable({ figure, height }: { figure: Figure; height: number }) {
  const curves = useLive((view) => view.curves);
  return <ChartTable table={tableOf(figure, curves, MOST_ROWS)} title={figure.title} height={height} />;
}

/** "N of M points", where not all are drawn or not all are looked at. */
function noteOf({ drawn, total }: { drawn: number; total: number }, range: Range | null): string | null {
  if (total <= drawn && !range) return null;
  return `${drawn.toLocaleString("en")} of ${Math.max(drawn, total).toLocaleString("en")} points`;
}
