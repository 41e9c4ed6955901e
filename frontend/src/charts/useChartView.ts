/** How a chart is looked at, kept in the address: a link shows another person exactly this. */
import { useMemo } from "react";
import { useParam } from "../app/router";
import type { View } from "./drawing";
import { formatHidden, isolate, parseHidden, toggle } from "./legend";
import { parseSmoothing, USUAL_SMOOTHING } from "./smoothing";
import { formatRange, parseRange, type Range } from "./zoom";

/** Of all charts of the page: 0 to MOST_SMOOTHING. */
export function useSmoothing(): [number, (weight: number) => void] {
  const [text, setText] = useParam("smooth", String(USUAL_SMOOTHING));
  return [parseSmoothing(text), (next) => setText(String(Math.round(next * 100) / 100))];
}

/** Whether a chart is among those named in a parameter of the address, and the switch. */
function useListed(parameter: string, name: string): [boolean, () => void] {
  const [text, setText] = useParam(parameter, "");
  const names = text ? text.split(",") : [];
  const isListed = names.includes(name);
  return [isListed, () => setText((isListed ? names.filter((other) => other !== name) : [...names, name]).join(","))];
}

export interface ChartView {
  readonly view: View;
  readonly isTable: boolean;
  /** It fills the window; one chart of the page at most. */
  readonly isLarge: boolean;
  toggleLarge: () => void;
  toggleTable: () => void;
  toggleLog: () => void;
  toggleSmoothAll: () => void;
  setRange: (range: Range | null) => void;
  /** names: all of the legend. */
  choose: (names: readonly string[], name: string, alone: boolean) => void;
  showAll: () => void;
}

/** axis: what its places are counted in; a zoom on one says nothing on another. */
export function useChartView(name: string, axis: string): ChartView {
  const [smoothing] = useSmoothing();
  const [smoothAll, toggleSmoothAll] = useListed("smoothall", name);
  const [logY, toggleLog] = useListed("log", name);
  const [isTable, toggleTable] = useListed("table", name);
  const [large, setLarge] = useParam("large", "");
  const isLarge = large === name;
  const [hide, setHide] = useParam(`hide.${name}`, "");
  const [zoom, setZoom] = useParam(axis === "step" ? `zoom.${name}` : `zoom.${name}.${axis}`, "");
  const view = useMemo<View>(
    () => ({ smoothing, smoothAll, logY, hidden: parseHidden(hide), range: parseRange(zoom) }),
    [smoothing, smoothAll, logY, hide, zoom],
  );
  return {
    view,
    isTable,
    isLarge,
    toggleLarge: () => setLarge(isLarge ? "" : name),
    toggleTable,
    toggleLog,
    toggleSmoothAll,
    setRange: (range) => setZoom(formatRange(range)),
    choose: (names, chosen, alone) => setHide(formatHidden((alone ? isolate : toggle)(names, view.hidden, chosen))),
    showAll: () => setHide(""),
  };
}
