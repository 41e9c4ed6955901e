import type { RefObject } from "react";
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { seriesKey, type Curves } from "../live/curves";
import { announce } from "../parts/Announcer";
import { ChartMenu, type Curve } from "./ChartMenu";
import { isSmoothable } from "./drawing";
import { isAlongAxis } from "./layout";
import { legendKey, metaOf, plain } from "./meta";
import type { Adjust } from "./painter";
import { place } from "./place";
import { saveImage, saveText } from "./save";
import type { ChartView } from "./useChartView";
import { useHeight } from "./useLarge";
import { useTemplate } from "./useTemplate";
import type { Range } from "./zoom";

interface Props {
  figure: Figure;
  x: XAxis;
  height: number;
  chart: ChartView;
  /** What is drawn now; null: the figure as it was fetched. */
  curves: () => Curves | null;
  /** Whether a logarithmic axis can show all of it. */
  isPositive: boolean;
  /** Its card, of whose width a picture is. */
  frame: RefObject<HTMLElement | null>;
  adjust?: Adjust | undefined;
  /** What saved files are called, without their ending. */
  file: string;
  /** All its numbers as comma-separated values. */
  numbers: () => Promise<string>;
  curl: string;
}

/** The menu of a figure: what can be done with what is drawn. */
export function DrawingMenu({ figure, x, height: usual, chart, curves, isPositive, frame, adjust, file, numbers, curl }: Props) {
  const template = useTemplate();
  const height = useHeight(usual);
  const { view } = chart;
  const isCurves = isAlongAxis(figure) && figure.layout["barmode"] === undefined;
  const failed = (): void => announce("The file could not be made: the server does not answer.");

  const image = (format: "png" | "svg"): void => {
    const picture = { figure, curves: curves(), x, view, template, height, adjust };
    void saveImage(picture, frame.current?.clientWidth ?? 800, format, file).catch(failed);
  };
  const save = async (): Promise<void> => saveText(await numbers(), "text/csv", `${file}.csv`);
  const smooths = view.smoothing > 0 && figure.data.some((trace) => isSmoothable(trace, true) && !isSmoothable(trace, false));
  return (
    <ChartMenu
      title={figure.title}
      isTable={chart.isTable}
      onTable={chart.toggleTable}
      isLarge={chart.isLarge}
      onLarge={chart.toggleLarge}
      log={isCurves && (isPositive || view.logY) ? { isOn: view.logY, toggle: chart.toggleLog } : undefined}
      smoothAll={smooths ? { isOn: view.smoothAll, toggle: chart.toggleSmoothAll } : undefined}
      zoom={isAlongAxis(figure) ? { isZoomed: view.range !== null, in: () => chart.setRange(lastHalf(figure, curves(), x, view.range)), reset: () => chart.setRange(null) } : undefined}
      curves={isAlongAxis(figure) ? { all: curvesOf(figure, view.hidden), toggle: (key) => chart.choose(curvesOf(figure, []).map((c) => c.key), key, false), showAll: chart.showAll } : undefined}
      onImage={image}
      onCsv={() => void save().catch(failed)}
      link={linkTo(figure.name)}
      curl={curl}
    />
  );
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
function lastHalf(figure: Figure, curves: Curves | null, x: XAxis, range: Range | null): Range | null {
  if (range) return [(range[0] + range[1]) / 2, range[1]];
  const places = figure.data.flatMap((trace) => {
    const { series } = metaOf(trace);
    const points = series ? (curves?.get(seriesKey(series))?.points ?? []) : [];
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

/** The command that fetches the same from the API. */
export function curlOf(path: string): string {
  return `curl -H "Authorization: Bearer $(copd token)" "${window.location.origin}/api/v1${path}"`;
}
