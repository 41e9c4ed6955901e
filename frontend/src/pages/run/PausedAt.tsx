import { useQuery } from "@tanstack/react-query";
import { checkpointsQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import classes from "./RunHeader.module.css";

/** Where a paused run stopped: the step of each expert's stored state. */
export function PausedAt({ run }: { run: Run }) {
  const { data } = useQuery({ ...checkpointsQuery(run.id), enabled: run.state === "paused" });
  if (run.state !== "paused" || !data) return null;
  const stored = data.checkpoints.filter((checkpoint) => checkpoint.has_state);
  const experts = run.policies.filter((policy) => policy.role === "expert").map((policy) => policy.name);
  const steps = experts.map((name) => Math.max(0, ...stored.filter((c) => c.policy === name).map((c) => c.step)));
  const where = new Set(steps).size === 1 ? `step ${steps[0]}` : experts.map((name, i) => `step ${steps[i]} (${name})`).join(", ");
  return (
    <div className={classes.waiting} role="note">
      Stopped after {where}; Resume goes on from there.
    </div>
  );
}
