import { useQuery } from "@tanstack/react-query";
import { checkpointsQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import classes from "./RunHeader.module.css";

/** Where a paused run stopped: the step of each expert's stored state, and how long that took; of one that goes on, which policies do not. */
export function PausedAt({ run }: { run: Run }) {
  const { queryKey, ...checkpoints } = checkpointsQuery(run.id);
  // Each pause has a list of its own: one that was read before it has older steps, and one that is read again need not hide the sentence.
  const { data } = useQuery({ ...checkpoints, queryKey: [...queryKey, run.state_since], enabled: run.state === "paused" });
  if (run.state !== "paused") return run.paused_policies.length ? <PausedPolicies names={run.paused_policies} /> : null;
  if (!data)
    return (
      <span role="note" className={classes.notice}>
        Stopped. After which step, it says in a moment.
      </span>
    );
  const stored = data.checkpoints.filter((checkpoint) => checkpoint.has_state);
  const experts = run.policies.filter((policy) => policy.role === "expert").map((policy) => policy.name);
  const steps = experts.map((name) => Math.max(0, ...stored.filter((c) => c.policy === name).map((c) => c.step)));
  const apart = [...new Set(steps)].map((step) => `step ${step} of ${experts.filter((_, i) => steps[i] === step).join(" and ")}`);
  return (
    <span role="note" className={classes.notice}>
      Stopped after {apart.length === 1 ? `step ${steps[0]}` : apart.join(", ")}
      {run.pause_seconds ? `, ${run.pause_seconds.toFixed(1)} s after it was asked to` : ""}; Resume goes on from there.
    </span>
  );
}

function PausedPolicies({ names }: { names: string[] }) {
  return (
    <span role="note" className={classes.notice}>
      {names.join(" and ")} {names.length === 1 ? "is" : "are"} paused, the others go on without; Resume goes on with all.
    </span>
  );
}
