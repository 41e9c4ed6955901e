/** What can be done to many runs at once, in words. Pure. */
import type { BulkCommand } from "../../api/runs";
import type { RunSummary } from "../../api/types";

/** The most runs that are compared, as the server has it. */
export const MOST_COMPARED = 32;
const OVER = ["completed", "failed", "cancelled"];

export interface Deed {
  readonly verb: string;
  /** What became of a run that did it. */
  readonly done: string;
  /** What people should know before. */
  readonly note: string;
}

export const DEEDS: Record<BulkCommand | "delete", Deed> = {
  pause: { verb: "Pause", done: "asked to pause", note: "Each stops at its next step and can be resumed." },
  resume: { verb: "Resume", done: "goes on", note: "Each goes on from where it stopped." },
  cancel: { verb: "Cancel", done: "asked to cancel", note: "They end for good. Their checkpoints and numbers stay." },
  delete: { verb: "Delete", done: "is deleted", note: "There is no way back." },
};

/** Those that can do it now, and those that cannot. */
export function sorted(deed: BulkCommand | "delete", runs: readonly RunSummary[]): { can: RunSummary[]; cannot: RunSummary[] } {
  const may = (run: RunSummary): boolean => (deed === "delete" ? OVER.includes(run.state) : run.allowed.includes(deed));
  return { can: runs.filter(may), cannot: runs.filter((run) => !may(run)) };
}

export function many(runs: number): string {
  return runs === 1 ? "1 run" : `${runs.toLocaleString("en")} runs`;
}

/** Works on each, a few at a time, in their order of beginning. What throws is that one's answer. */
export async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>, told: (done: number) => void, atOnce = 4): Promise<(R | Error)[]> {
  const answers: (R | Error)[] = [];
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      answers[at] = await work(items[at]!).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
      told(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return answers;
}
