import type { ReactNode } from "react";
import type { Progress, RunState } from "../api/types";
import { about } from "./time";
import { count } from "./numbers";
import classes from "./ProgressLine.module.css";

const PHASES: Record<string, string> = { rlvr: "RLVR", opd: "OPD" };

/** "round 2 of 6 · OPD", or only how many there will be. */
export function phaseText({ round, rounds, phase }: Progress): string {
  if (round === 0) return rounds === 1 ? "1 round" : `${rounds} rounds`;
  const name = PHASES[phase];
  return `round ${round} of ${rounds}${name ? ` · ${name}` : ""}`;
}

interface Props {
  progress: Progress;
  state: RunState;
  wide?: boolean;
  /** What is to be said of it now; its place is kept. */
  notice?: ReactNode;
}

/** How far a run is: a bar over its steps, the round and phase, and when it will end. */
export function ProgressLine({ progress, state, wide = false, notice }: Props) {
  const share = progress.total_steps ? progress.steps / progress.total_steps : 0;
  const percent = Math.floor(share * 100);
  const eta = state === "running" && progress.eta_seconds != null ? `about ${about(progress.eta_seconds)} left` : "";
  return (
    <div className={classes.line} data-wide={wide || undefined}>
      <div
        className={classes.track}
        role="progressbar"
        aria-label="Progress"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${percent} percent, ${phaseText(progress)}`}
      >
        <div className={classes.fill} data-state={state} style={{ width: `${share * 100}%` }} />
      </div>
      <div className={classes.text}>
        <span>{phaseText(progress)}</span>
        {wide && (
          <span>
            {count(progress.steps)} of {count(progress.total_steps)} steps of all experts
          </span>
        )}
        {notice !== undefined && <span className={classes.notice}>{notice}</span>}
        <span className={classes.eta}>{eta || `${percent}%`}</span>
      </div>
    </div>
  );
}
