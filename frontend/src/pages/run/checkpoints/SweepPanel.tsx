import { Button, Checkbox, NumberInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sweepPreviewQuery } from "../../../api/checkpoints";
import type { Run, SweepRequest } from "../../../api/types";
import { CopyCurl } from "../../../parts/CopyCurl";
import { ProblemAlert } from "../../../parts/Problem";
import { checkpoints, sweepText } from "./checkpointText";
import { useSweep } from "./useCheckpointActions";
import classes from "./Checkpoints.module.css";

interface Keep {
  last: number;
  round_ends: boolean;
  best: boolean;
}

/** What the run's own spec keeps. */
function ownPolicy(run: Run): Keep {
  const keep = (run.spec["checkpoint"] as { keep?: Partial<Keep> } | undefined)?.keep;
  return { last: keep?.last ?? 1, round_ends: keep?.round_ends ?? true, best: keep?.best ?? true };
}

/** Removes what nothing keeps, after it has been said what that is. The figures below are the server's own dry run. */
export function SweepPanel({ run, onClose }: { run: Run; onClose: () => void }) {
  const [keep, setKeep] = useState(() => ownPolicy(run));
  const wanted: SweepRequest = keep;
  const { data, error } = useQuery(sweepPreviewQuery(run.id, wanted));
  const act = useSweep(run);
  const found = data && sweepText(data);
  return (
    <section className={classes.sweep} aria-label="Make room">
      <h3>Make room</h3>
      <p className={classes.dim}>What the run still needs, its newest whole round and what is pinned always stay. Beside these, keep:</p>
      <div className={classes.keep}>
        <NumberInput
          label="Newest of each policy"
          size="xs"
          w={150}
          min={1}
          max={10_000}
          allowDecimal={false}
          value={keep.last}
          onChange={(value) => setKeep({ ...keep, last: Math.max(1, Math.trunc(Number(value)) || 1) })}
        />
        <Checkbox label="Ends of rounds" checked={keep.round_ends} onChange={(event) => setKeep({ ...keep, round_ends: event.currentTarget.checked })} />
        <Checkbox label="The best of each policy" checked={keep.best} onChange={(event) => setKeep({ ...keep, best: event.currentTarget.checked })} />
      </div>
      <div className={classes.preview} role="status">
        {found && (
          <>
            <strong>{found.goes}</strong> {found.stays}
          </>
        )}
      </div>
      {data && data.removed.length > 0 && (
        <details className={classes.which}>
          <summary>Which</summary>
          <p>{data.removed.map(({ policy, step }) => `${policy}@${step}`).join(", ")}</p>
        </details>
      )}
      {error && <ProblemAlert error={error} />}
      {act.error && <ProblemAlert error={act.error} />}
      <div className={classes.actions}>
        <Button size="xs" color="red" disabled={!data?.removed.length} loading={act.isPending} onClick={() => act.mutate(wanted, { onSuccess: onClose })}>
          {data?.removed.length ? `Remove ${checkpoints(data.removed.length)} for good` : "Remove nothing"}
        </Button>
        <Button size="xs" variant="default" onClick={onClose}>
          Keep all
        </Button>
        <CopyCurl method="POST" path={`/api/v1/runs/${run.id}/checkpoints/sweep`} body={wanted} what="remove these checkpoints" />
      </div>
    </section>
  );
}
