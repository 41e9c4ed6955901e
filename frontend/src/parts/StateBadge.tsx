import type { RunState, WorkerView } from "../api/types";
import classes from "./StateBadge.module.css";

type Tone = "info" | "good" | "warn" | "bad" | "quiet";

const TONES: Record<RunState | WorkerView["state"], Tone> = {
  queued: "quiet",
  running: "info",
  pausing: "warn",
  paused: "warn",
  failing: "bad",
  cancelling: "warn",
  completed: "good",
  failed: "bad",
  cancelled: "quiet",
  starting: "quiet",
  loading: "info",
  idle: "good",
  busy: "info",
  stopping: "warn",
};
const MOVING = new Set<string>(["running", "pausing", "failing", "cancelling", "loading", "starting", "busy"]);

export function StateBadge({ state, label }: { state: RunState | WorkerView["state"]; label?: string }) {
  return (
    <span className={classes.badge} data-tone={TONES[state]} data-moving={MOVING.has(state) || undefined}>
      <span className={classes.dot} />
      {label ?? state}
    </span>
  );
}
