/** What of a figure only the server can renew, renewed when the stream brings something that concerns it. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { summaryQuery } from "../api/charts";
import type { XAxis } from "../api/queries";
import type { Figure } from "../api/types";
import type { LiveRun } from "../live/LiveRun";
import { needsServer } from "./drawing";
import { followed } from "./meta";

const REFETCH_MS = 1_500;
/** Words are for reading: they follow the curves more slowly than the picture does. */
const SUMMARY_MS = 12_000;

/** Fetches the figure again when there are numbers that only the server can place, never more often than REFETCH_MS. */
export function useRefetch(live: LiveRun, figure: Figure | undefined, refetch: () => unknown): void {
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
}

/** The figure's data now in words: asked for anew while the chart is on screen and its curves grow. */
export function useSummary(live: LiveRun, runId: string, figure: Figure | undefined, x: XAxis, isVisible: boolean): string {
  const client = useQueryClient();
  const [said, setSaid] = useState<{ figure: Figure; text: string } | null>(null);
  const told = useRef({ figure, curves: live.snapshot().curves });
  useEffect(() => {
    if (!figure || !isVisible) return;
    if (told.current.figure !== figure) told.current = { figure, curves: live.snapshot().curves };
    const keys = figure.data.map(followed).filter((key) => key !== null);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (): void => {
      timer = undefined;
      told.current = { figure, curves: live.snapshot().curves };
      client
        .fetchQuery({ ...summaryQuery(runId, figure.name, x), staleTime: 0 })
        .then((text) => setSaid({ figure, text }))
        .catch(() => undefined); // the words of before still stand; the next point asks again
    };
    const look = (): void => {
      const { curves } = live.snapshot();
      if (timer === undefined && keys.some((key) => curves.get(key) !== told.current.curves.get(key))) timer = setTimeout(ask, SUMMARY_MS);
    };
    const unsubscribe = live.subscribe(look);
    look();
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [client, figure, isVisible, live, runId, x]);
  return said && said.figure === figure ? said.text : (figure?.summary ?? "");
}
