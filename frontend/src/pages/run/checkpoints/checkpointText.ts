/** Groups and sentences of the Checkpoints tab. Pure. */
import type { ExportView, ListedCheckpoint, Run, SweepView } from "../../../api/types";
import { bytes, count } from "../../../parts/numbers";

type Reason = ListedCheckpoint["reasons"][number];

/** Why a checkpoint stays, as the second half of "stays because it is …". */
export const REASONS: Record<Reason, string> = {
  needed: "needed by what is still to be done",
  "newest round": "part of the newest whole round",
  pinned: "pinned",
  last: "among the last of its policy",
  "round end": "the end of a round",
  best: "the best of its policy",
  "being evaluated": "still being evaluated, perhaps the best",
};

/** The same in a word or two. */
export const LABELS: Record<Reason, string> = {
  needed: "needed",
  "newest round": "newest round",
  pinned: "pinned",
  last: "recent",
  "round end": "round end",
  best: "best",
  "being evaluated": "being evaluated",
};

export function reasonText(reason: Reason, pinnedBy: string | null | undefined): string {
  return reason === "pinned" && pinnedBy ? `pinned by ${pinnedBy}` : REASONS[reason];
}

export interface RoundGroup {
  /** From 1; null: what no round made. */
  round: number | null;
  checkpoints: ListedCheckpoint[];
}

/** The newest round first; in each the order of the policies, and of one policy the newest step first. */
export function byRound(checkpoints: readonly ListedCheckpoint[], policies: readonly string[]): RoundGroup[] {
  const groups = new Map<number | null, ListedCheckpoint[]>();
  for (const each of checkpoints) groups.set(each.round, [...(groups.get(each.round) ?? []), each]);
  const order = (c: ListedCheckpoint): number => policies.indexOf(c.policy);
  return [...groups]
    .map(([round, held]) => ({ round, checkpoints: held.toSorted((a, b) => order(a) - order(b) || b.step - a.step) }))
    .toSorted((a, b) => (b.round ?? 0) - (a.round ?? 0));
}

/** Whether a run can go on from the end of a round: it has ended, and every expert's checkpoint of its end is still there. */
export function canBranch(round: number | null, checkpoints: readonly ListedCheckpoint[], wholeRounds: number, experts: readonly string[]): boolean {
  if (round === null || round > wholeRounds) return false;
  const ends = new Set(checkpoints.filter((c) => c.round === round && c.ends_round).map((c) => c.policy));
  return experts.every((expert) => ends.has(expert));
}

/** How far a round is. Its experts train on in the next while its own models are merged and evaluated. */
export function roundText(round: number, wholeRounds: number, trained: number): string {
  if (round <= wholeRounds) return "ended";
  return round < trained ? "trained, being merged and evaluated" : "under way";
}

/** What rolling back keeps and gives up, before it is done. */
export function rollBackText({ state, progress }: Pick<Run, "state" | "progress">, round: number): string {
  const left = progress.rounds - round;
  const rounds = left === 1 ? `round ${progress.rounds}` : `rounds ${round + 1} to ${progress.rounds}`;
  const over = state === "completed" || state === "failed" || state === "cancelled";
  const parent = over ? "This run stays as it is" : "This run is cancelled, and keeps every number and checkpoint it has";
  return `${parent}. A new run of the same name has its first ${round === 1 ? "round" : `${count(round)} rounds`}, and trains ${rounds} again.`;
}

/** "would remove 12 checkpoints, 48 MB" and what stays, by its reasons, the commonest first. */
export function sweepText({ removed, removed_bytes: gone, kept, kept_bytes: left }: SweepView): { goes: string; stays: string } {
  const goes = removed.length ? `Would remove ${checkpoints(removed.length)}, ${bytes(gone)}.` : "Would remove nothing: every checkpoint has a reason to stay.";
  const counts = new Map<Reason, number>();
  for (const { reasons } of kept) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const because = [...counts].toSorted((a, b) => b[1] - a[1]).map(([reason, many]) => `${REASONS[reason]} (${count(many)})`);
  const stays = kept.length ? `${checkpoints(kept.length)}, ${bytes(left)}, would stay: ${because.join(", ")}.` : "";
  return { goes, stays };
}

export function keyOf({ policy, step }: Pick<ListedCheckpoint, "policy" | "step">): string {
  return `${policy}@${step}`;
}

export function checkpoints(many: number): string {
  return `${count(many)} ${many === 1 ? "checkpoint" : "checkpoints"}`;
}

/** What was made last of a checkpoint. */
export function exportOf(exports: readonly ExportView[], { policy, step }: Pick<ListedCheckpoint, "policy" | "step">): ExportView | undefined {
  return exports.findLast((each) => each.policy === policy && each.step === step);
}

/** What became of an export that is over. */
export function exportEnded({ policy, step, state }: Pick<ExportView, "policy" | "step" | "state">): string {
  const what = `${policy} at step ${step}`;
  return state === "ready" ? `${what} is exported.` : `The export of ${what} failed.`;
}

export type ExportState = "none" | "waiting" | "running" | "ready" | "failed";

/** How far the export of a checkpoint is. */
export function exportState(found: ExportView | undefined): ExportState {
  if (!found) return "none";
  if (found.state !== "waiting") return found.state;
  return found.started_at ? "running" : "waiting";
}
