import type { Run } from "../../../api/types";
import { useLive } from "../../../live/useLiveRun";
import type { Curves } from "../../../live/curves";

/** Where a student is: the training steps behind it, and those of the whole plan. */
export type Clock = (student: string) => { now: number; last: number };

/** As well as the page knows: the newest point of the student, or its share of the run's steps. */
export function useClock(run: Run): Clock {
  const curves = useLive((view) => view.curves);
  const students = Math.max(1, run.policies.filter((policy) => policy.role === "expert").length);
  const reached = Math.floor(run.progress.steps / students);
  const last = Math.max(2, Math.round(run.progress.total_steps / students));
  return (student) => ({ now: Math.max(reached, newest(curves, student)), last });
}

function newest(curves: Curves, student: string): number {
  let step = 0;
  for (const [key, curve] of curves) if (key.split("|")[1] === student) step = Math.max(step, curve.points.at(-1)?.step ?? 0);
  return step;
}
