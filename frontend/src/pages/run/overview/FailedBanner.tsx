import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { command, useRunAction, type Command } from "../../../api/actions";
import { logQuery } from "../../../api/queries";
import type { Run, RunError } from "../../../api/types";
import { Link } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { Icon } from "../../../parts/Icon";
import { ProblemAlert } from "../../../parts/Problem";
import { LogLines } from "../events/LogLines";
import { Traceback } from "../events/Traceback";
import { retryLabel } from "../runText";
import classes from "./FailedBanner.module.css";

const LAST_LINES = 6;

/** The first cause in one sentence, then what an engineer wants next. */
export function FailedBanner({ run, error }: { run: Run; error: RunError }) {
  const entries = useQuery(logQuery(run.id)).data?.entries ?? [];
  const maySteer = useMaySteer();
  const retry = useRunAction(run.id, (what: Command) => command(run.id, what));
  const where = [error.segment && `in ${error.segment}`, error.attempt_number != null && `attempt ${error.attempt_number}`].filter(Boolean).join(", ");
  return (
    <section className={classes.banner} aria-label="Why the run failed">
      <h2>{error.message}</h2>
      {where && <p className={classes.where}>{where}</p>}
      {entries.length > 0 && <LogLines entries={entries.slice(-LAST_LINES)} />}
      {error.traceback && <Traceback text={error.traceback} />}
      {retry.error && <ProblemAlert error={retry.error} />}
      <div className={classes.next}>
        {maySteer && run.allowed.includes("retry") && (
          <Button size="xs" loading={retry.isPending} onClick={() => retry.mutate("retry")} leftSection={<Icon name="play" size={14} />}>
            {retryLabel(error)}
          </Button>
        )}
        {maySteer && (
          <Button component={Link} href={`/new?from=${run.id}`} variant="default" size="xs">
            Run again with changes
          </Button>
        )}
        <Button component={Link} href={`/runs/${run.id}?tab=events`} variant="default" size="xs">
          All events
        </Button>
      </div>
    </section>
  );
}
