/** Sentences about a run. Pure. */
import type { RetriedRun, Run, RunError, RunState } from "../../api/types";
import { about } from "../../parts/time";

const OVER: readonly RunState[] = ["completed", "failed", "cancelled"];

export function isOver(state: RunState): boolean {
  return OVER.includes(state);
}

/** "42% Three experts": progress where the tab shows it first. */
export function tabTitle({ name, state, progress }: Pick<Run, "name" | "state" | "progress">): string {
  if (state !== "running" || !progress.total_steps) return state === "running" ? name : `${name} – ${state}`;
  return `${Math.floor((100 * progress.steps) / progress.total_steps)}% ${name}`;
}

/** What a chart says before its first point: when that will come, as well as can be known. */
export function waitingText(figure: string, run: Pick<Run, "state" | "progress" | "spec" | "policies" | "first_evaluation_seconds">): string {
  if (isOver(run.state)) return "Nothing was recorded before the run ended.";
  if (run.state === "queued") return "Starts when a worker takes the run.";
  if (run.state === "paused") return "The run is paused; points come after it is resumed.";
  const kind = figure.split(".")[0];
  if (kind === "capability") return firstEvaluation(run.first_evaluation_seconds);
  if (kind === "reward" || kind === "idle_groups" || kind === "throughput") return "The first point comes with the first optimizer step.";
  if (kind === "timeline") return "No segment has started yet.";
  const adaptive = adaptiveOf(run.spec);
  if (kind === "gap" && adaptive && !adaptive.teach) return `Comes with the first round of teaching: once the overlap is under the floor, ${adaptive.floor}.`;
  return firstMeasure(run);
}

function firstEvaluation(seconds: number | null | undefined): string {
  return `The base is evaluated first${seconds == null ? "; its number comes when that is done." : `; first evaluation in about ${about(Math.max(5, seconds))}.`}`;
}

interface Adaptive {
  teach: boolean;
  floor: number;
}

/** The adaptive schedule, where the run has one: each round is one phase. */
function adaptiveOf(spec: Run["spec"]): Adaptive | null {
  return (spec["opd"] as { adaptive?: Adaptive | null } | undefined)?.adaptive ?? null;
}

/** Pairs are measured, and teachers first used, when the first phase of the first round ends. */
function firstMeasure({ progress, spec, policies }: Pick<Run, "progress" | "spec" | "policies">): string {
  const [part, phase] = adaptiveOf(spec)?.teach ? ["opd", "II"] : ["rlvr", "I"];
  const steps = (spec[part] as { steps?: number } | undefined)?.steps ?? 0;
  const experts = policies.filter((policy) => policy.role === "expert").length;
  const left = steps * experts - progress.steps;
  const rate = progress.eta_seconds == null ? null : progress.eta_seconds / Math.max(1, progress.total_steps - progress.steps);
  if (left <= 0) return "Being measured now; the first point comes in a moment.";
  const when = rate === null ? "" : `, in about ${about(left * rate)}`;
  return `First measured after ${steps} steps of phase ${phase}${when}.`;
}

/** What the server says to an answered command besides the run: only a retry has something, when it can only fail again. */
export function noticeOf(answer: Run | RetriedRun | undefined): string | null {
  return answer && "notice" in answer ? ((answer as RetriedRun).notice ?? null) : null;
}

/** Where a retry goes on from, where that is a step of training. */
export function retryLabel(error: RunError | null): string {
  return error?.resumes_at == null ? "Retry" : `Retry from step ${error.resumes_at}`;
}
