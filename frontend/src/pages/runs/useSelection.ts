import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { BLOCK, fetchRuns, MOST_AT_ONCE, blockQuery, type RunsWanted } from "../../api/runs";
import type { RunSummary } from "../../api/types";
import { announce } from "../../parts/Announcer";
import { between, NOTHING, refreshed, toggled, withRuns, type Selection } from "./selection";

export interface Selecting {
  readonly selection: Selection;
  readonly toggle: (row: number, run: RunSummary) => void;
  /** From the row that was toggled last to this one. */
  readonly reach: (row: number) => Promise<void>;
  /** All that the view shows, up to as many as an action takes. */
  readonly all: () => Promise<void>;
  readonly clear: () => void;
}

/** The selected runs. They stay selected while the list is scrolled, filtered and sorted. */
export function useSelection(wanted: RunsWanted, rows: ReadonlyMap<number, RunSummary>): Selecting {
  const client = useQueryClient();
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const from = useRef<number | null>(null);
  useEffect(() => setSelection((before) => refreshed(before, rows.values())), [rows]);
  useEffect(() => {
    from.current = null; // rows of another order
  }, [wanted]);

  const add = useCallback((runs: readonly RunSummary[]): void => setSelection((before) => withRuns(before, runs, MOST_AT_ONCE)), []);
  const toggle = useCallback((row: number, run: RunSummary): void => {
    from.current = row;
    setSelection((before) => (before.size >= MOST_AT_ONCE && !before.has(run.id) ? before : toggled(before, run)));
  }, []);
  const reach = useCallback(
    async (row: number): Promise<void> => {
      const wantedRows = between(from.current ?? row, row).slice(0, MOST_AT_ONCE);
      from.current = row;
      const blocks = [...new Set(wantedRows.map((each) => Math.floor(each / BLOCK)))];
      const pages = await Promise.all(blocks.map((block) => client.fetchQuery({ ...blockQuery(wanted, block), staleTime: 60_000 })));
      const found = new Map(pages.flatMap((page, i) => page.runs.map((run, place) => [(blocks[i] ?? 0) * BLOCK + place, run] as const)));
      add(wantedRows.flatMap((each) => found.get(each) ?? []));
    },
    [add, client, wanted],
  );
  const all = useCallback(async (): Promise<void> => {
    const { runs, total } = await fetchRuns(wanted, 0, MOST_AT_ONCE);
    add(runs);
    announce(total > runs.length ? `The first ${runs.length} of ${total} runs are selected.` : `All ${total} runs are selected.`);
  }, [add, wanted]);
  const clear = useCallback((): void => setSelection(NOTHING), []);
  return { selection, toggle, reach, all, clear };
}
