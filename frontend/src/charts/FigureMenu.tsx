import { useQueryClient } from "@tanstack/react-query";
import type { RefObject } from "react";
import { fetchAllSeries } from "../api/charts";
import { runQuery, type XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { seriesKey } from "../live/curves";
import type { LiveRun } from "../live/LiveRun";
import { useLive } from "../live/useLiveRun";
import { csvOfSeries, csvOfTable } from "./csv";
import { curlOf, DrawingMenu } from "./DrawingMenu";
import { isPositive } from "./drawing";
import { metaOf } from "./meta";
import type { Adjust } from "./painter";
import { fileName } from "./save";
import { tableOf } from "./table";
import type { ChartView } from "./useChartView";

interface Props {
  runId: string;
  figure: Figure;
  x: XAxis;
  height: number;
  chart: ChartView;
  live: LiveRun;
  /** Its card, of whose width a picture is. */
  frame: RefObject<HTMLElement | null>;
  adjust?: Adjust;
}

/** The menu of a run's figure. */
export function FigureMenu({ runId, figure, live, ...drawn }: Props) {
  const client = useQueryClient();
  const positive = useLive(({ curves }) => isPositive(figure, curves));
  const numbers = async (): Promise<string> => {
    const keys = new Set(figure.data.flatMap((trace) => seriesOf(trace)));
    if (keys.size === 0) return csvOfTable(tableOf(figure, null, Infinity));
    return csvOfSeries((await fetchAllSeries(runId, figure.series ?? [])).filter((series) => keys.has(seriesKey(series))));
  };
  return (
    <DrawingMenu
      {...drawn}
      figure={figure}
      curves={() => live.snapshot().curves}
      isPositive={positive}
      file={fileName(client.getQueryData(runQuery(runId).queryKey)?.name ?? runId, figure.name)}
      numbers={numbers}
      curl={curlOf(`/runs/${encodeURIComponent(runId)}/figures/${encodeURIComponent(figure.name)}?x=${drawn.x}`)}
    />
  );
}

/** The keys of what a trace of this run draws. */
function seriesOf(trace: Figure["data"][number]): string[] {
  const { series, compared, step } = metaOf(trace);
  return series && !compared && Array.isArray(step) ? [seriesKey(series)] : [];
}
