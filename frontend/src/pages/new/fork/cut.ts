/** Where a fork goes on from: which rounds have ended, what of the edits holds there, and what is left to train. Pure. */
import type { ControlView, EditView, PlannedSegment, Run, SegmentView } from "../../../api/types";
import type { Mapping } from "../yaml/scalars";

export type Value = boolean | number | string;
type Trained = Pick<PlannedSegment, "kind" | "policy" | "round" | "steps">;

const TRAINING = new Set(["rlvr", "opd"]);
/** What must be done of a round before a run can go on from its end. */
const REQUIRED = new Set(["rlvr", "opd", "merge", "measure"]);

export function endedRounds(segments: readonly Pick<SegmentView, "kind" | "round" | "state">[]): number {
  const needed = segments.filter(({ kind }) => REQUIRED.has(kind));
  const open = needed.filter(({ state }) => state !== "done").map(({ round }) => round);
  return open.length ? Math.min(...open) : Math.max(-1, ...needed.map(({ round }) => round)) + 1;
}

/** The last round's end after which something is left to train; of a plan that is done, the last one there is. */
export function bestCut(segments: readonly SegmentView[]): number {
  const ended = endedRounds(segments);
  const last = Math.max(-1, ...segments.filter(({ kind }) => TRAINING.has(kind)).map(({ round }) => round));
  return Math.max(0, Math.min(ended, last));
}

/** Policy → the steps it has behind it at the end of `kept` rounds. */
function reachOf(segments: readonly SegmentView[], kept: number): Map<string, number> {
  const reach = new Map<string, number>();
  for (const { kind, policy, round, step, steps } of segments) {
    if (TRAINING.has(kind) && round < kept) reach.set(policy, Math.max(step + steps, reach.get(policy) ?? 0));
  }
  return reach;
}

/** Edits that had taken effect by the end of `kept` rounds, and those that come later and so are not kept. */
export function splitEdits(edits: readonly EditView[], segments: readonly SegmentView[], kept: number): { held: EditView[]; later: EditView[] } {
  const reach = reachOf(segments, kept);
  const isHeld = (edit: EditView): boolean => {
    if (edit.kind === "structure") return edit.round != null && edit.round < kept;
    return edit.kind === "dispatch" || edit.effective.some(({ policy, step }) => step <= (reach.get(policy) ?? 0));
  };
  return { held: edits.filter(isHeld), later: edits.filter((edit) => !isHeld(edit)) };
}

/** What a control is at the cut: before the first edit that came later. */
export function valueAtCut(control: ControlView, later: readonly EditView[]): Value {
  const first = later.find((edit) => edit.path === control.path);
  return (first ? first.old : control.value) as Value;
}

/** The recipe of the fork as it will be, for the server to check and to plan. */
export function recipeOf(run: Pick<Run, "spec" | "controls">, held: readonly EditView[], changes: Readonly<Record<string, Value>>, kept: number): { spec: unknown; edits: Mapping[] } {
  const isStructure = new Set(run.controls.filter(({ kind }) => kind === "structure").map(({ path }) => path));
  const earlier = held.map(({ path, value, kind, round, effective }): Mapping => {
    if (kind === "structure") return { path, value: value as Value, round: round ?? 0 };
    return { path, value: value as Value, steps: kind === "value" ? Object.fromEntries(effective.map(({ policy, step }) => [policy, step])) : {} };
  });
  // Rounds first: they may make room for the others.
  const paths = Object.keys(changes).toSorted((a, b) => Number(b === "rounds") - Number(a === "rounds"));
  const own = paths.map((path): Mapping => ({ path, value: changes[path]!, ...(isStructure.has(path) && { round: kept }) }));
  return { spec: run.spec, edits: [...earlier, ...own] };
}

const plural = (n: number, noun: string): string => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** "180 steps of each expert", or where they differ "360 steps of all experts". */
function stepsText(segments: readonly Trained[]): string {
  const steps = new Map<string, number>();
  for (const segment of segments) if (TRAINING.has(segment.kind)) steps.set(segment.policy, (steps.get(segment.policy) ?? 0) + segment.steps);
  const each = new Set(steps.values());
  if (!steps.size) return "no step";
  const [first = 0] = each;
  if (each.size === 1) return steps.size === 1 ? `${plural(first, "step")} of ${[...steps.keys()][0]}` : `${plural(first, "step")} of each expert`;
  return `${plural([...steps.values()].reduce((sum, n) => sum + n, 0), "step")} of all experts`;
}

/** What is kept and what will be trained, in two sentences. */
export function cutText(planned: readonly Trained[], before: readonly Trained[], kept: number): string {
  const rounds = Math.max(0, ...planned.filter(({ kind }) => TRAINING.has(kind)).map(({ round }) => round + 1));
  const all = Math.max(0, ...before.filter(({ kind }) => TRAINING.has(kind)).map(({ round }) => round + 1));
  const left = planned.filter(({ round }) => round >= kept);
  const keeps = kept === 0 ? "Keeps no round: it begins at the base again." : `Keeps ${kept} of ${plural(all, "round")}: ${stepsText(before.filter(({ round }) => round < kept))}.`;
  if (rounds <= kept) return `${keeps} Nothing is left to train: keep fewer rounds, or raise rounds.`;
  return `${keeps} Trains ${plural(rounds - kept, "round")}${kept ? " more" : ""}: ${stepsText(left)}.`;
}
