import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { checkpointsQuery } from "../../../api/queries";
import type { CheckpointView, Run } from "../../../api/types";
import { CopyText } from "../../../parts/CopyText";
import { bytes } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { clock } from "../../../parts/time";
import classes from "../../../parts/Table.module.css";

export function CheckpointsTab({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(checkpointsQuery(run.id));
  const colour = usePolicyColours(run.id, run.policies);
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} />;
  if (!data.checkpoints.length) return <p className={classes.none}>No checkpoint is stored yet; the first come at the end of the first segments.</p>;
  const all = data.checkpoints.toSorted((a, b) => b.step - a.step || a.policy.localeCompare(b.policy));
  const total = all.reduce((sum, c) => sum + c.bytes, 0);
  return (
    <>
      <p className={classes.lead}>
        {all.length} {all.length === 1 ? "checkpoint" : "checkpoints"}, {bytes(total)}. A state can be resumed from; a snapshot is read by students, measurements and exports.
      </p>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Checkpoints">
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Policy</th>
              <th scope="col">Step</th>
              <th scope="col">Holds</th>
              <th scope="col">Size</th>
              <th scope="col">Digest</th>
              <th scope="col">Attempt</th>
              <th scope="col">Stored</th>
            </tr>
          </thead>
          <tbody>
            {all.map((c) => (
              <Row key={`${c.policy}@${c.step}.${c.attempt}`} checkpoint={c} colour={colour(c.policy)} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Row({ checkpoint: c, colour }: { checkpoint: CheckpointView; colour: string }) {
  return (
    <tr>
      <td>
        <PolicyName name={c.policy} colour={colour} />
      </td>
      <td>{c.step}</td>
      <td>{c.has_state ? "state" : "snapshot"}</td>
      <td>{bytes(c.bytes)}</td>
      <td>
        <CopyText text={c.digest} shown={c.digest.slice(0, 12)} what="digest" />
      </td>
      <td>{c.attempt}</td>
      <td>{clock(c.created_at)}</td>
    </tr>
  );
}
