import type { ReactNode } from "react";
import type { RunSort, RunSummary } from "../../api/types";
import { accuracy } from "../../parts/numbers";
import { ProgressLine } from "../../parts/ProgressLine";
import { StateBadge } from "../../parts/StateBadge";
import { about, ago } from "../../parts/time";
import { Sparkline } from "./Sparkline";
import type { ColumnId } from "./view";
import classes from "./RunGrid.module.css";

export interface Column {
  readonly label: string;
  /** In pixels; what is left is the name's. */
  readonly width: number;
  readonly sort?: RunSort;
  readonly isNumber?: boolean;
  readonly cell: (run: RunSummary, now: number) => ReactNode;
}

/** Seconds from the start to the end, or to now; null before the start. */
export function seconds(run: RunSummary, now: number): number | null {
  return run.started_at === null ? null : ((run.ended_at === null ? now : Date.parse(run.ended_at)) - Date.parse(run.started_at)) / 1000;
}

function Duration({ run, now }: { run: RunSummary; now: number }) {
  const taken = seconds(run, now);
  return <>{taken === null ? "–" : about(taken)}</>;
}

export const TABLE: Record<ColumnId, Column> = {
  state: {
    label: "State",
    width: 260,
    sort: "state",
    cell: (run) => (
      <>
        <StateBadge state={run.state} />
        {run.waiting_for && (
          <span className={classes.waiting} title={run.waiting_for}>
            {run.waiting_for}
          </span>
        )}
      </>
    ),
  },
  progress: { label: "Progress", width: 280, sort: "progress", cell: (run) => <ProgressLine progress={run.progress} state={run.state} /> },
  accuracy: {
    label: "Merged accuracy",
    width: 170,
    sort: "accuracy",
    isNumber: true,
    cell: (run) => (
      <span className={classes.accuracy}>
        <Sparkline values={run.trend ?? []} />
        {accuracy(run.capability)}
      </span>
    ),
  },
  duration: { label: "Duration", width: 100, sort: "duration", isNumber: true, cell: (run, now) => <Duration run={run} now={now} /> },
  method: { label: "Method", width: 120, cell: (run) => run.method },
  created: {
    label: "Created",
    width: 120,
    sort: "created",
    isNumber: true,
    cell: (run, now) => (
      <time dateTime={run.created_at} title={new Date(run.created_at).toLocaleString()}>
        {ago(run.created_at, now)}
      </time>
    ),
  },
  author: { label: "Created by", width: 130, cell: (run) => run.created_by },
  priority: { label: "Priority", width: 80, isNumber: true, cell: (run) => run.priority },
  id: { label: "Id", width: 110, cell: (run) => <code>{run.id}</code> },
};
