import { SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { logQuery } from "../../../api/queries";
import type { LogEntry, Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { ProblemAlert } from "../../../parts/Problem";
import { LogLines } from "./LogLines";
import { Traceback } from "./Traceback";
import classes from "./Log.module.css";

const LEVELS = [
  { value: "info", label: "Everything" },
  { value: "warning", label: "Warnings and errors" },
  { value: "error", label: "Errors" },
];
const RANK: Record<LogEntry["level"], number> = { info: 0, warning: 1, error: 2 };

/** What people did, the scheduler decided and workers said; newest first. */
export function LogTab({ run }: { run: Run }) {
  const [level, setLevel] = useParam("level", "info");
  const { data, error, refetch } = useQuery(logQuery(run.id));
  const least = RANK[level as LogEntry["level"]] ?? 0;
  const entries = data?.entries.filter((entry) => RANK[entry.level] >= least).toReversed() ?? [];
  return (
    <>
      <div className={classes.head}>
        <SegmentedControl aria-label="Level" size="xs" data={LEVELS} value={level} onChange={setLevel} />
        <span className={classes.count}>newest first, times of this browser</span>
      </div>
      {run.error?.traceback && <Traceback text={run.error.traceback} />}
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={320} />}
      {data && entries.length > 0 && <LogLines entries={entries} />}
      {data && entries.length === 0 && <p className={classes.none}>{least > 0 ? "Nothing of this level. Good." : "Nothing has happened yet."}</p>}
    </>
  );
}
