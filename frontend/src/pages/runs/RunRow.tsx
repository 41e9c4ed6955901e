import { memo, type KeyboardEvent, type MouseEvent } from "react";
import type { RunSummary } from "../../api/types";
import { Link } from "../../app/router";
import { accuracy } from "../../parts/numbers";
import { ProgressLine } from "../../parts/ProgressLine";
import { StateBadge } from "../../parts/StateBadge";
import { Tags } from "../../parts/Tags";
import { about, ago } from "../../parts/time";
import { seconds, TABLE } from "./columns";
import { Sparkline } from "./Sparkline";
import type { ColumnId } from "./view";
import classes from "./RunGrid.module.css";

interface Props {
  run: RunSummary;
  row: number;
  height: number;
  columns: readonly ColumnId[];
  now: number;
  isCard: boolean;
  isSelected: boolean;
  /** The one row that Tab reaches. */
  isCurrent: boolean;
  onSelect: (row: number, run: RunSummary, reach: boolean) => void;
  onFocus: (row: number) => void;
}

/** One run. Its name is the link; the whole row follows it. */
export const RunRow = memo(function RunRow({ run, row, height, columns, now, isCard, isSelected, isCurrent, onSelect, onFocus }: Props) {
  const select = (event: MouseEvent | KeyboardEvent): void => onSelect(row, run, event.shiftKey);
  return (
    <div
      role="row"
      id={`run-row-${row}`}
      aria-rowindex={row + 2}
      aria-selected={isSelected}
      tabIndex={isCurrent ? 0 : -1}
      className={isCard ? classes.card : classes.row}
      style={{ height, transform: `translateY(${row * height}px)` }}
      onFocus={() => onFocus(row)}
    >
      <div role="gridcell" className={classes.check}>
        <label>
          <input type="checkbox" className={classes.box} tabIndex={-1} checked={isSelected} aria-label={`Select ${run.name}`} onClick={select} onChange={() => undefined} />
        </label>
      </div>
      <div role="gridcell" className={classes.name}>
        <Link href={`/runs/${run.id}`} tabIndex={-1} title={run.name}>
          {run.name}
        </Link>
        <Tags tags={run.tags} />
      </div>
      {isCard ? (
        <Card run={run} now={now} />
      ) : (
        columns.map((column) => (
          <div role="gridcell" key={column} className={classes.cell} data-number={TABLE[column].isNumber || undefined}>
            {TABLE[column].cell(run, now)}
          </div>
        ))
      )}
    </div>
  );
});

/** What a phone shows of a run, whatever columns are chosen elsewhere. */
function Card({ run, now }: { run: RunSummary; now: number }) {
  const taken = seconds(run, now);
  return (
    <>
      <div role="gridcell" className={classes.state}>
        <StateBadge state={run.state} />
      </div>
      <div role="gridcell" className={classes.progress}>
        <ProgressLine progress={run.progress} state={run.state} />
        {run.waiting_for && (
          <span className={classes.waiting} title={run.waiting_for}>
            {run.waiting_for}
          </span>
        )}
      </div>
      <div role="gridcell" className={classes.facts}>
        <span className={classes.accuracy}>
          Merged {accuracy(run.capability)}
          {(run.trend?.length ?? 0) > 1 && <Sparkline values={run.trend ?? []} />}
        </span>
        <span>{taken === null ? "not started" : about(taken)}</span>
        <span>{ago(run.created_at, now)}</span>
      </div>
    </>
  );
}

/** In the place of a run that is on its way. */
export function PendingRow({ row, height, isCard, columns }: Pick<Props, "row" | "height" | "isCard" | "columns">) {
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      className={isCard ? classes.card : classes.row}
      data-pending
      style={{ height, transform: `translateY(${row * height}px)` }}
    >
      <div role="gridcell" className={classes.check} />
      <div role="gridcell" className={classes.name}>
        <span className={classes.bone} />
        <span className="visually-hidden">This run is being fetched.</span>
      </div>
      {!isCard && columns.map((column) => <div role="gridcell" key={column} className={classes.cell} />)}
    </div>
  );
}
