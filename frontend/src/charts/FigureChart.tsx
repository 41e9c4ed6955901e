import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { figureQuery, type XAxis } from "../api/queries";
import { useLive, useLiveRun } from "../live/useLiveRun";
import { ChartFrame } from "./ChartFrame";
import { isEmpty, needsServer, pointsOf, thinned } from "./drawing";
import { Plot } from "./Plot";

const REFETCH_MS = 1_500;

interface Props {
  runId: string;
  name: string;
  title: string;
  x: XAxis;
  height?: number;
  /** What to say before there is anything to draw. */
  waiting: string;
}

/** One figure of the server, kept current by the stream. */
export function FigureChart({ runId, name, title, x, height = 260, waiting }: Props) {
  const live = useLiveRun();
  const ready = useLive((view) => view.ready);
  const { data: figure, error, refetch, isPlaceholderData } = useQuery({ ...figureQuery(runId, name, x), enabled: ready });
  useEffect(() => {
    if (figure && !isPlaceholderData) live.load(pointsOf(figure, x));
  }, [figure, isPlaceholderData, live, x]);

  // Numbers only the server can place: fetched again, never more often than REFETCH_MS.
  const before = useRef(live.snapshot().curves);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    before.current = live.snapshot().curves;
    const unsubscribe = live.subscribe(() => {
      const { curves } = live.snapshot();
      if (figure && timer === undefined && curves !== before.current && needsServer(figure, before.current, curves)) {
        timer = setTimeout(() => void refetch(), REFETCH_MS);
      }
      before.current = curves;
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [figure, live, refetch]);

  const empty = useLive((view) => figure !== undefined && isEmpty(figure, view.curves));
  return (
    <ChartFrame
      title={figure?.title ?? title}
      help={figure?.help}
      note={thinnedNote(figure && thinned(figure))}
      height={height}
      error={error}
      onRetry={() => void refetch()}
      loading={!figure}
      waiting={empty ? waiting : null}
    >
      {figure && <Plot runId={runId} figure={figure} x={x} height={height} />}
    </ChartFrame>
  );
}

function thinnedNote(points: { drawn: number; total: number } | null | undefined): string | null {
  return points ? `${points.drawn.toLocaleString("en")} of ${points.total.toLocaleString("en")} points` : null;
}
