/** Which runs are selected. Pure. A run is kept as it was last seen, for it may be scrolled away. */
import type { RunSummary } from "../../api/types";

export type Selection = ReadonlyMap<string, RunSummary>;
export const NOTHING: Selection = new Map();

export function toggled(selection: Selection, run: RunSummary): Selection {
  const next = new Map(selection);
  if (!next.delete(run.id)) next.set(run.id, run);
  return next;
}

/** With these runs too, up to `most` of them in all. */
export function withRuns(selection: Selection, runs: readonly RunSummary[], most: number): Selection {
  const next = new Map(selection);
  for (const run of runs) if (next.size < most || next.has(run.id)) next.set(run.id, run);
  return next;
}

/** The same runs as they are now, where that is known. */
export function refreshed(selection: Selection, runs: Iterable<RunSummary>): Selection {
  let next: Map<string, RunSummary> | null = null;
  for (const run of runs) {
    const before = selection.get(run.id);
    if (before && before !== run) (next ??= new Map(selection)).set(run.id, run);
  }
  return next ?? selection;
}

/** The rows from one to another, both included, in their order. */
export function between(from: number, to: number): number[] {
  const low = Math.min(from, to);
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => low + i);
}

/** Names of the states that keep runs from a command, with how many: "2 completed, 1 failed". */
export function whyNot(runs: readonly RunSummary[]): string {
  const counts = new Map<string, number>();
  for (const { state } of runs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, many]) => `${many} ${state}`).join(", ");
}
