import { Alert } from "@mantine/core";
import type { Run } from "../../../api/types";
import { FigureChart } from "../../../charts/FigureChart";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { ChangesBar } from "./ChangesBar";
import { EditHistory } from "./EditHistory";
import { OtherControls } from "./OtherControls";
import { useClock } from "./useClock";
import { useSteering } from "./useSteering";
import { WeightsCard } from "./WeightsCard";
import classes from "./Weights.module.css";

/** What may be changed while the run trains, and what was. */
export function WeightsTab({ run }: { run: Run }) {
  const steering = useSteering(run);
  const clock = useClock(run);
  const colour = usePolicyColours(run.policies);
  const hasEdges = run.edges.length > 0;
  const waiting = isOver(run.state) ? "The run ended before its first step of distillation." : "Comes with the first step of distillation.";
  return (
    <div className={classes.tab}>
      {steering.error && <ProblemAlert error={steering.error} />}
      {steering.isStale && (
        <Alert color="yellow" variant="light" role="alert" title="Somebody else changed this run while you were editing.">
          The page now shows the run as it is. Your change is kept below: look at it again, and apply it if it is still right.
        </Alert>
      )}
      {!steering.locked && <ChangesBar steering={steering} />}
      {hasEdges && <WeightsCard steering={steering} clock={clock} colour={colour} />}
      <div className={classes.pair}>
        <EditHistory steering={steering} colour={colour} />
        {hasEdges && (
          <section className={classes.section} aria-labelledby="over-time">
            <h2 id="over-time" className="visually-hidden">
              Weights over time
            </h2>
            <FigureChart runId={run.id} name="weights" title="How strongly did each student follow each teacher?" x="step" height={280} waiting={waiting} />
          </section>
        )}
      </div>
      <OtherControls steering={steering} />
    </div>
  );
}
