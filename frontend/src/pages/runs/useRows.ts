import { useQueries } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { BLOCK, blockQuery, type RunsWanted } from "../../api/runs";
import type { RunSummary } from "../../api/types";
import { blocksOf, type Span } from "./rows";

export interface Rows {
  /** Row → run, of the blocks that are on screen. */
  readonly rows: ReadonlyMap<number, RunSummary>;
  /** null until the first answer. */
  readonly total: number | null;
  /** These are still the rows of the view before. */
  readonly isStale: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
}

/** The runs of the blocks that hold the span, asked for again every few seconds. */
export function useRows(wanted: RunsWanted, span: Span): Rows {
  const blocks = blocksOf(span, BLOCK);
  const answers = useQueries({ queries: blocks.map((block) => blockQuery(wanted, block)) });
  const newest = answers.reduce((best, each) => (each.data && each.dataUpdatedAt > (best?.dataUpdatedAt ?? 0) ? each : best), answers.find((each) => each.data));
  const stamp = answers.map((each) => `${each.dataUpdatedAt}`).join();
  const fresh = useMemo(() => {
    const rows = new Map<number, RunSummary>();
    answers.forEach((answer, i) => answer.data?.runs.forEach((run, place) => rows.set((blocks[i] ?? 0) * BLOCK + place, run)));
    return rows;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the answers are new objects at each drawing; their times say when they changed
  }, [stamp, wanted, blocks.join()]);

  const kept = useRef<{ wanted: RunsWanted; rows: ReadonlyMap<number, RunSummary>; total: number } | null>(null);
  useEffect(() => {
    if (newest?.data) kept.current = { wanted, rows: fresh, total: newest.data.total };
  }, [fresh, newest, wanted]);
  const retry = (): void => void Promise.all(answers.map((each) => each.refetch()));
  const error = answers.find((each) => each.error)?.error ?? null;
  const before = kept.current;
  if (!newest?.data && before && before.wanted !== wanted) return { rows: before.rows, total: before.total, isStale: true, error, retry };
  return { rows: fresh, total: newest?.data?.total ?? before?.total ?? null, isStale: false, error, retry };
}
