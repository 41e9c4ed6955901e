import { keepPreviousData, useQuery, type QueryKey, type UseQueryOptions } from "@tanstack/react-query";
import { useMemo } from "react";
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import { NO_CURVES, type Curves } from "../live/curves";
import type { LiveRun } from "../live/LiveRun";
import { leavesOut } from "./meta";
import { stepWindow, windowed, type Range, type StepWindow } from "./zoom";

/** The part of a figure that is zoomed into, and which of the page's curves are drawn of it. */
export interface Zoomed {
  figure: Figure;
  select: (curves: Curves) => Curves;
}

/** What is zoomed into, fetched anew, where the figure at hand leaves points out; null where it has them all. `live`: null where no run is followed. */
export function useWindow<Key extends QueryKey>(
  figure: Figure | undefined,
  x: XAxis,
  range: Range | null,
  live: LiveRun | null,
  query: (window: StepWindow) => UseQueryOptions<Figure, Error, Figure, Key>,
): Zoomed | null {
  const window = useMemo(
    () => (figure && range && leavesOut(figure) ? stepWindow(figure, live?.snapshot().curves ?? NO_CURVES, x, range) : null),
    [figure, live, range, x],
  );
  const { data } = useQuery({ ...query(window ?? { start: 0, stop: 0 }), enabled: window !== null, placeholderData: keepPreviousData });
  return useMemo(() => (window && data ? { figure: data, select: windowed(data, x, window) } : null), [data, window, x]);
}
