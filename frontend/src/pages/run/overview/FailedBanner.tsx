import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { logQuery } from "../../../api/queries";
import type { Run, RunError } from "../../../api/types";
import { Link } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { LogLines } from "../log/LogLines";
import { Traceback } from "../log/Traceback";
import classes from "./FailedBanner.module.css";

const LAST_LINES = 6;

/** The first cause in one sentence, then what an engineer wants next. */
export function FailedBanner({ run, error }: { run: Run; error: RunError }) {
  const entries = useQuery(logQuery(run.id)).data?.entries ?? [];
  const maySteer = useMaySteer();
  const where = [error.segment && `in ${error.segment}`, error.attempt != null && `attempt ${error.attempt}`].filter(Boolean).join(", ");
  return (
    <section className={classes.banner} aria-label="Why the run failed">
      <h2>{error.message}</h2>
      {where && <p className={classes.where}>{where}</p>}
      {entries.length > 0 && <LogLines entries={entries.slice(-LAST_LINES)} />}
      {error.traceback && <Traceback text={error.traceback} />}
      <div className={classes.next}>
        {maySteer && (
          <Button component={Link} href={`/new?from=${run.id}`} variant="default" size="xs">
            Run again with changes
          </Button>
        )}
        <Button component={Link} href={`/runs/${run.id}?tab=log`} variant="default" size="xs">
          Whole log
        </Button>
      </div>
    </section>
  );
}
