import { setControls, useRunAction } from "../../../api/actions";
import type { Run } from "../../../api/types";
import { useMaySteer } from "../../../app/useMaySteer";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { EditHistory } from "./EditHistory";
import { OtherControls } from "./OtherControls";
import { WeightMatrix } from "./WeightMatrix";
import classes from "./Weights.module.css";

/** What may be changed while the run trains, and what was. */
export function WeightsTab({ run }: { run: Run }) {
  const edit = useRunAction(run.id, (values: Record<string, boolean | number | string>) => setControls(run, values));
  const colour = usePolicyColours(run.id, run.policies);
  const set = (path: string, value: boolean | number | string): void => edit.mutate({ [path]: value });
  const locked = !useMaySteer() || isOver(run.state);
  return (
    <div className={classes.tab}>
      {edit.error && <ProblemAlert error={edit.error} />}
      <div className={classes.pair}>
        {run.edges.length > 0 && <WeightMatrix run={run} colour={colour} locked={locked} onSet={set} />}
        <EditHistory edits={run.edits} colour={colour} />
      </div>
      <OtherControls run={run} locked={locked} onSet={set} />
    </div>
  );
}
