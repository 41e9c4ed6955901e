import { Button } from "@mantine/core";
import type { ExportView, ListedCheckpoint, Run } from "../../../api/types";
import { useMaySteer } from "../../../app/useMaySteer";
import { CopyCurl } from "../../../parts/CopyCurl";
import { CopyText } from "../../../parts/CopyText";
import { bytes } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import { ProblemAlert } from "../../../parts/Problem";
import { absolute, moment } from "../../../parts/time";
import { LABELS, reasonText } from "./checkpointText";
import { Export } from "./Export";
import { usePin } from "./useCheckpointActions";
import classes from "./Checkpoints.module.css";

interface Props {
  run: Run;
  checkpoint: ListedCheckpoint;
  made: ExportView | undefined;
  colour: string;
}

/** One checkpoint: what it is, why it stays, and what can be done with it. */
export function CheckpointRow({ run, checkpoint: c, made, colour }: Props) {
  const maySteer = useMaySteer();
  const name = `${c.policy} at step ${c.step}`;
  return (
    <li className={classes.checkpoint} aria-label={name}>
      <div className={classes.what}>
        <PolicyName name={c.policy} colour={colour} />
        <span className={classes.step}>step {c.step}</span>
      </div>
      <div className={classes.facts}>
        <span title={c.has_state ? "Weights, optimizer and step: training can go on from it." : "The weights alone."}>{c.has_state ? "state" : "snapshot"}</span>
        <span>{bytes(c.bytes)}</span>
        <CopyText text={c.digest} shown={c.digest.slice(0, 12)} what="digest" />
        <time dateTime={c.created_at} title={absolute(c.created_at)}>
          {moment(c.created_at)}
        </time>
      </div>
      <Reasons checkpoint={c} />
      <div className={classes.actions}>
        <Export run={run} checkpoint={c} made={made} name={name} />
        {maySteer && <Pin run={run} checkpoint={c} name={name} />}
      </div>
    </li>
  );
}

/** Why it stays, a word for each reason. */
function Reasons({ checkpoint: { reasons, pinned_by } }: { checkpoint: ListedCheckpoint }) {
  return (
    <ul className={classes.why} aria-label="Why it stays">
      {reasons.map((reason) => (
        <li key={reason} title={`It stays, for it is ${reasonText(reason, pinned_by)}.`}>
          {reason === "pinned" ? reasonText(reason, pinned_by) : LABELS[reason]}
        </li>
      ))}
      {reasons.length === 0 && (
        <li data-goes title="Nothing keeps it: the next look of the scheduler removes it.">
          to be removed
        </li>
      )}
    </ul>
  );
}

function Pin({ run, checkpoint: c, name }: { run: Run; checkpoint: ListedCheckpoint; name: string }) {
  const act = usePin(run);
  const pinned = act.isPending ? act.variables.pinned : c.pinned_by != null;
  return (
    <>
      <Button
        variant={pinned ? "light" : "default"}
        size="xs"
        aria-label={`${pinned ? "Unpin" : "Pin"} ${name}`}
        onClick={() => act.mutate({ policy: c.policy, step: c.step, pinned: !pinned })}
      >
        {pinned ? "Unpin" : "Pin"}
      </Button>
      <CopyCurl method="PATCH" path={`/api/v1/runs/${run.id}/checkpoints/${c.policy}/${c.step}`} body={{ pinned: !pinned }} what={`${pinned ? "unpin" : "pin"} ${name}`} />
      {act.error && <ProblemAlert error={act.error} />}
    </>
  );
}
