import { Button } from "@mantine/core";
import type { ExportView, ListedCheckpoint, Run } from "../../../api/types";
import { Link } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { AskOnce } from "../../../parts/AskOnce";
import { Icon } from "../../../parts/Icon";
import { ProblemAlert } from "../../../parts/Problem";
import { CheckpointRow } from "./CheckpointRow";
import { canBranch, exportOf, keyOf, rollBackText, roundText, type RoundGroup } from "./checkpointText";
import { useRollBack } from "./useCheckpointActions";
import classes from "./Checkpoints.module.css";

interface Props {
  run: Run;
  group: RoundGroup;
  all: readonly ListedCheckpoint[];
  wholeRounds: number;
  exports: readonly ExportView[];
  colour: (policy: string) => string;
}

/** The checkpoints one round made, and, once it has ended, the ways on from there. */
export function Round({ run, group: { round, checkpoints }, all, wholeRounds, exports, colour }: Props) {
  const experts = run.policies.filter(({ role }) => role === "expert").map(({ name }) => name);
  const branches = canBranch(round, all, wholeRounds, experts);
  const title = round === null ? "Before the first round" : `Round ${round}`;
  const ended = round !== null && `of ${run.progress.rounds}, ${roundText(round, wholeRounds, run.progress.round)}`;
  return (
    <section className={classes.round} aria-label={title}>
      <header className={classes.roundHead}>
        <h3>{title}</h3>
        {ended && <span className={classes.dim}>{ended}</span>}
        {branches && round !== null && <WaysOn run={run} round={round} />}
      </header>
      <ul className={classes.list}>
        {checkpoints.map((each) => (
          <CheckpointRow
            key={keyOf(each)}
            run={run}
            checkpoint={each}
            made={exportOf(exports, each)}
            colour={colour(each.policy)}
          />
        ))}
      </ul>
    </section>
  );
}

function WaysOn({ run, round }: { run: Run; round: number }) {
  const maySteer = useMaySteer();
  const back = useRollBack(run);
  if (!maySteer) return null;
  const somethingLeft = round < run.progress.rounds;
  return (
    <div className={classes.ways}>
      <Button component={Link} href={`/new?fork=${run.id}&round=${round}`} variant="default" size="xs" leftSection={<Icon name="arrow" size={14} />} aria-label={`Fork from here, the end of round ${round}`}>
        Fork from here
      </Button>
      {somethingLeft && (
        <AskOnce
          label="Roll back to here"
          name={`Roll back to here, the end of round ${round}`}
          question={rollBackText(run, round)}
          yes="Roll back"
          no="Stay here"
          curl={{ method: "POST", path: `/api/v1/runs/${run.id}/rollback`, body: { keep_rounds: round }, what: `roll back to the end of round ${round}` }}
          loading={back.isPending}
          leftSection={<Icon name="repeat" size={14} />}
          onYes={() => back.mutate(round)}
        />
      )}
      {back.error && <ProblemAlert error={back.error} />}
    </div>
  );
}
