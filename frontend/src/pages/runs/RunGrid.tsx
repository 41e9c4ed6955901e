import { useLayoutEffect, useRef, type KeyboardEvent } from "react";
import type { RunsWanted } from "../../api/runs";
import type { RunSort } from "../../api/types";
import { useNow } from "../../parts/time";
import { TABLE } from "./columns";
import { GridHead } from "./GridHead";
import { PendingRow, RunRow } from "./RunRow";
import type { Cursor } from "./useCursor";
import type { Rows } from "./useRows";
import type { Selecting } from "./useSelection";
import type { Span } from "./rows";
import type { ColumnId } from "./view";
import classes from "./RunGrid.module.css";

interface Props {
  body: React.RefObject<HTMLDivElement | null>;
  rows: Rows;
  span: Span;
  height: number;
  isCard: boolean;
  columns: readonly ColumnId[];
  view: RunsWanted;
  onSort: (sort: RunSort, descending: boolean) => void;
  selecting: Selecting;
  cursor: Cursor;
}

/** All runs as one list that scrolls with the page. Only the rows on screen exist; the list is as high as if all did. */
export function RunGrid({ body, rows, span, height, isCard, columns, view, onSort, selecting, cursor }: Props) {
  const now = useNow(15_000);
  const total = rows.total ?? 0;
  const template = isCard ? undefined : `44px minmax(200px, 1fr) ${columns.map((id) => `${TABLE[id].width}px`).join(" ")}`;
  const least = isCard ? undefined : 44 + 200 + columns.reduce((sum, id) => sum + TABLE[id].width, 0);
  useSteadyRows(body, rows, span, height);
  const select = useRef(selecting);
  select.current = selecting;
  const onSelect = useRef((row: number, run: Parameters<Selecting["toggle"]>[1], reach: boolean): void => {
    if (reach) void select.current.reach(row);
    else select.current.toggle(row, run);
  }).current;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (cursor.onKey(event)) event.preventDefault();
  };
  return (
    <div className={classes.scroll} tabIndex={-1}>
      <div
        role="grid"
        aria-label="Runs"
        aria-rowcount={total + 1}
        aria-multiselectable
        className={classes.grid}
        data-stale={rows.isStale || undefined}
        style={{ "--columns": template, minWidth: least } as React.CSSProperties}
        onKeyDown={onKeyDown}
      >
        {!isCard && (
          <GridHead
            columns={columns}
            view={view}
            onSort={onSort}
            selected={selecting.selection.size}
            total={total}
            onAll={() => void selecting.all()}
            onNone={selecting.clear}
          />
        )}
        <div role="rowgroup" ref={body} className={classes.body} style={{ height: total * height }}>
          {Array.from({ length: Math.min(span.end, total) - span.first }, (_, i) => span.first + i).map((row) => {
            const run = rows.rows.get(row);
            const shared = { row, height, isCard, columns };
            if (!run) return <PendingRow key={`pending ${row}`} {...shared} />;
            return (
              <RunRow
                key={run.id}
                {...shared}
                run={run}
                now={now}
                isSelected={selecting.selection.has(run.id)}
                isCurrent={row === cursor.row || (cursor.row === null && row === span.first)}
                onSelect={onSelect}
                onFocus={cursor.onFocus}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Keeps the row at the top of the window where it is when runs come or go above it. */
function useSteadyRows(body: React.RefObject<HTMLDivElement | null>, { rows, isStale }: Rows, span: Span, height: number): void {
  const anchor = useRef<{ id: string; row: number } | null>(null);
  useLayoutEffect(() => {
    const top = body.current ? -body.current.getBoundingClientRect().top : 0;
    const first = Math.floor(top / height);
    const before = anchor.current;
    if (before && first > 0 && !isStale && rows.get(before.row) && rows.get(before.row)?.id !== before.id) {
      for (const [row, run] of rows) {
        if (run.id === before.id) window.scrollBy(0, (row - before.row) * height);
      }
    }
    const at = Math.max(0, Math.floor((body.current ? -body.current.getBoundingClientRect().top : 0) / height));
    const run = rows.get(at);
    anchor.current = run && !isStale ? { id: run.id, row: at } : null;
  }, [body, height, isStale, rows, span]);
}
