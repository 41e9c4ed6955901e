/** Sections and sentences of the System tab. Pure. */
import type { AttemptView, Run } from "../../../api/types";
import { isOver } from "../runText";

export type Section = "speed" | "stability" | "machines";

export const SECTIONS: readonly { section: Section; title: string; help: string }[] = [
  { section: "speed", title: "Where does the time go?", help: "Tokens per second, and what a step and a run spend their time on." },
  { section: "stability", title: "Is training stable?", help: "What goes wrong first shows here first: a gradient that explodes, an entropy that collapses, answers that run away." },
  { section: "machines", title: "Are the machines all right?", help: "The hosts and workers this run used. A look every 10 seconds, kept for 24 hours, always over time." },
];
const SPEED = ["throughput", "time_split", "step_time"];
const MACHINES = ["machine_load", "machine_memory", "worker_memory", "machine_disk"];

/** Where a figure stands; one this page has never heard of is about training. */
export function sectionOf(figure: string): Section {
  const kind = figure.split(".")[0] ?? "";
  if (SPEED.includes(kind)) return "speed";
  return MACHINES.includes(kind) ? "machines" : "stability";
}

/** Figures whose numbers are not in the run's stream: they are asked for again. */
export function isSampled(figure: string): boolean {
  return figure === "time_split" || MACHINES.includes(figure);
}

/** What a chart says before there is anything to draw. */
export function systemWaiting(figure: string, { state }: Pick<Run, "state">): string {
  if (MACHINES.includes(figure)) {
    if (isOver(state)) return "Nothing is known of them any more: figures of machines are kept for 24 hours.";
    return state === "queued" ? "Comes once a worker has taken the run." : "The first look at the machines comes within 10 seconds of the first segment.";
  }
  if (isOver(state)) return "Nothing was recorded before the run ended.";
  if (state === "queued") return "Starts when a worker takes the run.";
  if (state === "paused") return "The run is paused; points come after it is resumed.";
  return figure === "time_split" ? "Comes with the first segment of training." : "The first point comes with the first optimizer step.";
}

export interface AttemptRow extends AttemptView {
  /** Which try at its segment it is, from 1, and how many there have been. */
  number: number;
  of: number;
  /** Whether something went wrong with it or with a try before it: what one looks for after a bad night. A pause is nothing wrong. */
  isTroubled: boolean;
}

const TROUBLED: readonly AttemptView["state"][] = ["lost", "failed", "superseded"];

/** Newest first, each knowing which try at its segment it is. */
export function attemptRows(attempts: readonly AttemptView[]): AttemptRow[] {
  const tries = new Map<string, number>();
  const troubled = new Set<string>();
  const numbered = attempts.map((attempt) => {
    const number = (tries.get(attempt.segment) ?? 0) + 1;
    tries.set(attempt.segment, number);
    if (TROUBLED.includes(attempt.state)) troubled.add(attempt.segment);
    return { ...attempt, number, isTroubled: troubled.has(attempt.segment) };
  });
  return numbered.map((row) => ({ ...row, of: tries.get(row.segment) ?? row.number })).reverse();
}

/** "attempt 2 of 2, from step 24", or nothing for a segment's only try. */
export function tryText({ number, of, start_step: step }: AttemptRow): string {
  if (of === 1) return "";
  return `attempt ${number} of ${of}${number > 1 ? `, from step ${step}` : ""}`;
}

/** Seconds from one moment to another, or until now; null where the first has not come. */
export function between(start: string | null, end: string | null, now: number): number | null {
  if (start === null) return null;
  return ((end === null ? now : Date.parse(end)) - Date.parse(start)) / 1000;
}
