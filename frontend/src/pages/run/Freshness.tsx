import type { Run } from "../../api/types";
import { useLive } from "../../live/useLiveRun";
import { about, useNow } from "../../parts/time";
import { isOver } from "./runText";
import classes from "./RunHeader.module.css";

/** How old the numbers on the page are: live, some seconds behind, catching up, or cut off. */
export function Freshness({ run }: { run: Run }) {
  const connection = useLive((view) => view.connection);
  const lastPoint = useLive((view) => view.lastPoint);
  const late = useLive((view) => view.late);
  const now = useNow();
  const age = lastPoint ? about((now - lastPoint.arrived + lastPoint.lag) / 1000) : null;
  if (connection === "reconnecting") return <Mark state="reconnecting" text={age ? `reconnecting; last point ${age} ago` : "reconnecting"} />;
  if (connection === "connecting") return <Mark state="connecting" text="connecting" />;
  if (late === "replaying") return <Mark state="replaying" text="replaying what was missed" />;
  if (isOver(run.state) || run.state === "paused" || run.state === "queued") return null;
  if (late && lastPoint) return <Mark state="behind" text={`${about(lastPoint.lag / 1000)} behind`} />;
  return <Mark state="live" text={age ? `live; last point ${age} ago` : "live"} />;
}

function Mark({ state, text }: { state: string; text: string }) {
  return (
    <span className={classes.fresh} data-state={state} data-testid="freshness">
      {text}
    </span>
  );
}
