import { useQueryClient } from "@tanstack/react-query";
import type { RefObject } from "react";
import { fetchAllSeries } from "../api/charts";
import { runQuery, type XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { seriesKey } from "../live/curves";
import type { LiveRun } from "../live/LiveRun";
import { useLive } from "../live/useLiveRun";
import { announce } from "../parts/Announcer";
import { ChartMenu, type Curve } from "./ChartMenu";
import { csvOfSeries, csvOfTable } from "./csv";
import { isPositive, isSmoothable } from "./drawing";
import { isAlongAxis } from "./layout";
import { legendKey, metaOf, plain } from "./meta";
import type { Adjust } from "./painter";
import { place } from "./place";
import { fileName, saveImage, saveText } from "./save";
import { tableOf } from "./table";
import type { ChartView } from "./useChartView";
import { useTemplate } from "./useTemplate";
import type { Range } from "./zoom";

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
export function FigureMenu({ runId, figure, x, height, chart, live, frame, adjust }: Props) {
  const client = useQueryClient();
  const template = useTemplate();
  const { view } = chart;
  const positive = useLive(({ curves }) => isPositive(figure, curves));
  const isCurves = isAlongAxis(figure) && figure.layout["barmode"] === undefined;
  const file = (): string => fileName(client.getQueryData(runQuery(runId).queryKey)?.name ?? runId, figure.name);
  const failed = (): void => announce("The file could not be made: the server does not answer.");

  const image = (format: "png" | "svg"): void => {
    const picture = { figure, curves: live.snapshot().curves, x, view, template, height, adjust };
    void saveImage(picture, frame.current?.clientWidth ?? 800, format, file()).catch(failed);
  };
  const numbers = async (): Promise<void> => {
    const keys = new Set(figure.data.flatMap((trace) => seriesOf(trace)));
    const text = keys.size
      ? csvOfSeries((await fetchAllSeries(runId, figure.series ?? [])).filter((series) => keys.has(seriesKey(series))))
      : csvOfTable(tableOf(figure, null, Infinity));
    saveText(text, "text/csv", `${file()}.csv`);
  };
  const smooths = view.smoothing > 0 && figure.data.some((trace) => isSmoothable(trace, true) && !isSmoothable(trace, false));
  return (
    <ChartMenu
      title={figure.title}
      isTable={chart.isTable}
      onTable={chart.toggleTable}
      log={isCurves && (positive || view.logY) ? { isOn: view.logY, toggle: chart.toggleLog } : undefined}
      smoothAll={smooths ? { isOn: view.smoothAll, toggle: chart.toggleSmoothAll } : undefined}
      zoom={isAlongAxis(figure) ? { isZoomed: view.range !== null, in: () => chart.setRange(lastHalf(figure, live, x, view.range)), reset: () => chart.setRange(null) } : undefined}
      curves={isAlongAxis(figure) ? { all: curvesOf(figure, view.hidden), toggle: (key) => chart.choose(curvesOf(figure, []).map((c) => c.key), key, false), showAll: chart.showAll } : undefined}
      onImage={image}
      onCsv={() => void numbers().catch(failed)}
      link={linkTo(figure.name)}
      curl={curlOf(runId, figure.name, x)}
    />
  );
}

/** The keys of what a trace of this run draws. */
function seriesOf(trace: Figure["data"][number]): string[] {
  const { series, compared, step } = metaOf(trace);
  return series && !compared && Array.isArray(step) ? [seriesKey(series)] : [];
}

function curvesOf(figure: Figure, hidden: readonly string[]): Curve[] {
  const all = new Map<string, Curve>();
  for (const trace of figure.data) {
    const key = legendKey(trace);
    if (key && !all.has(key)) all.set(key, { key, name: plain(trace["name"]), isHidden: hidden.includes(key) });
  }
  return [...all.values()];
}

/** The later half of what is looked at: the way into a chart for a keyboard and a finger. */
function lastHalf(figure: Figure, live: LiveRun, x: XAxis, range: Range | null): Range | null {
  if (range) return [(range[0] + range[1]) / 2, range[1]];
  const { curves } = live.snapshot();
  const places = figure.data.flatMap((trace) => {
    const { series } = metaOf(trace);
    const points = series ? (curves.get(seriesKey(series))?.points ?? []) : [];
    const own = points.map((point) => (x === "time" ? point.time : x === "step" ? point.step : null));
    const bars = trace["base"] ?? trace["x"];
    return [...own, ...(Array.isArray(bars) ? bars : [])].map(place).filter((at) => at !== null);
  });
  const first = places.reduce((a, b) => Math.min(a, b), Infinity);
  const last = places.reduce((a, b) => Math.max(a, b), -Infinity);
  return first < last ? [(first + last) / 2, last] : null;
}

function linkTo(name: string): string {
  const url = new URL(window.location.href);
  url.hash = `chart-${name}`;
  return url.href;
}

function curlOf(runId: string, name: string, x: XAxis): string {
  const url = `${window.location.origin}/api/v1/runs/${encodeURIComponent(runId)}/figures/${encodeURIComponent(name)}?x=${x}`;
  return `curl -H "Authorization: Bearer $(copd token)" "${url}"`;
}
