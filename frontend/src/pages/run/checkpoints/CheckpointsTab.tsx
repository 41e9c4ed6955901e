import { Button, Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { checkpointsQuery, exportsQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { HelpButton } from "../../../parts/HelpButton";
import { bytes } from "../../../parts/numbers";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import table from "../../../parts/Table.module.css";
import { useStill } from "../../../parts/useStill";
import { byRound, checkpoints, keyOf, LABELS, REASONS } from "./checkpointText";
import { NewestModel } from "./NewestModel";
import { Round } from "./Round";
import { SweepPanel } from "./SweepPanel";
import classes from "./Checkpoints.module.css";

/** What the store holds of the run, by round: why each stays, and all that can be done with it. */
export function CheckpointsTab({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(checkpointsQuery(run.id));
  const exports = useQuery(exportsQuery(run.id)).data?.exports ?? [];
  const colour = usePolicyColours(run.policies);
  const maySteer = useMaySteer();
  const [policy, setPolicy] = useParam("policy", "");
  const [sweeping, setSweeping] = useState(false);
  const { shown, hand } = useStill((data?.checkpoints ?? []).filter((each) => !policy || each.policy === policy), keyOf);
  if (error && !data) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="group" aria-label="Loading the checkpoints" />;
  const all = data.checkpoints;
  if (!all.length) return <p className={table.none}>No checkpoint is stored yet; the first come at the end of the first segments.</p>;
  const order = run.policies.map(({ name }) => name);
  return (
    <div className={classes.tab}>
      <h2 className="visually-hidden">Checkpoints</h2>
      <div className={classes.head}>
        <p className={classes.lead}>
          {checkpoints(all.length)}, {bytes(all.reduce((sum, c) => sum + c.bytes, 0))}. Training can go on from a state; a snapshot is the weights alone. Both can be exported.
        </p>
        <Select
          aria-label="Policy"
          placeholder="Any policy"
          size="xs"
          w={150}
          clearable
          data={order.filter((name) => all.some((each) => each.policy === name))}
          value={policy || null}
          onChange={(value) => setPolicy(value ?? "")}
        />
        <HelpButton about="why a checkpoint stays">
          <dl>
            {Object.entries(LABELS).map(([reason, word]) => (
              <div key={reason}>
                <dt>{word}</dt>
                <dd>{REASONS[reason as keyof typeof REASONS]}</dd>
              </div>
            ))}
          </dl>
        </HelpButton>
        {maySteer && (
          <Button variant="default" size="xs" aria-expanded={sweeping} onClick={() => setSweeping(!sweeping)}>
            Make room
          </Button>
        )}
      </div>
      <NewestModel run={run} all={all} exports={exports} />
      {maySteer && sweeping && <SweepPanel run={run} onClose={() => setSweeping(false)} />}
      {shown.length === 0 && <p className={table.none}>The store holds no checkpoint of {policy}.</p>}
      <div className={classes.rounds} {...hand}>
        {byRound(shown, order).map((group) => (
          <Round key={group.round ?? "none"} run={run} group={group} all={all} wholeRounds={data.whole_rounds} exports={exports} colour={colour} />
        ))}
      </div>
    </div>
  );
}
