import { Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import { navigate, useUrl } from "../../app/router";
import { PageHead } from "../../parts/PageHead";
import { count } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { useShortcuts } from "../../shortcuts/registry";
import { BulkBar } from "./BulkBar";
import { MOST_COMPARED } from "./bulk";
import { NoRuns } from "./NoRuns";
import { RunGrid } from "./RunGrid";
import { RunsToolbar } from "./RunsToolbar";
import { useCursor } from "./useCursor";
import { useRows } from "./useRows";
import { rememberRow, useColumns, useRunsView } from "./useRunsView";
import { useSelection } from "./useSelection";
import { useSpan } from "./useSpan";
import { isFiltered } from "./view";
import classes from "./RunGrid.module.css";

const ROW = 64;
const CARD = 156;
const NARROW = "(max-width: 900px)";

export function RunsPage() {
  useTitle("Runs");
  const [view, change] = useRunsView();
  const [columns, choose] = useColumns();
  const isCard = useMediaQuery(NARROW, window.matchMedia(NARROW).matches);
  const height = isCard ? CARD : ROW;
  const body = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const [total, setTotal] = useState(0);
  const span = useSpan(body, height, total, rememberRow);
  const rows = useRows(view, span);
  const selecting = useSelection(view, rows.rows);
  const cursor = useCursor(body, rows, height, selecting);
  useEffect(() => setTotal(rows.total ?? 0), [rows.total]);
  useReturn(body, height, rows.total);
  const chosen = [...selecting.selection.keys()];
  useShortcuts("Runs", [
    { keys: "j", what: "Next run", run: () => cursor.move(1) },
    { keys: "k", what: "Previous run", run: () => cursor.move(-1) },
    { keys: "o", what: "Open the run", run: cursor.open },
    { keys: "x", what: "Select the run", run: cursor.toggle },
    { keys: "/", what: "Search", run: () => search.current?.focus() },
    { keys: "c", what: "Compare the selected runs", run: () => chosen.length > 1 && chosen.length <= MOST_COMPARED && navigate(`/compare?runs=${chosen.join()}`) },
  ]);

  if (rows.total === 0 && !rows.isStale && !isFiltered(view)) return <NoRuns />;
  return (
    <>
      <PageHead title="Runs" total={rows.total !== null && count(rows.total)} />
      <RunsToolbar view={view} change={change} columns={columns} choose={choose} isCard={isCard} search={search} />
      {rows.error && <ProblemAlert error={rows.error} onRetry={rows.retry} />}
      {rows.total === null && !rows.error && <Skeleton role="group" height={5 * ROW} aria-label="Loading the runs" />}
      {rows.total !== null && rows.total > 0 && (
        <RunGrid
          body={body}
          rows={rows}
          span={span}
          height={height}
          isCard={isCard}
          columns={columns}
          view={view}
          onSort={(sort, descending) => change({ sort, descending })}
          selecting={selecting}
          cursor={cursor}
        />
      )}
      {rows.total === 0 && isFiltered(view) && <p className={classes.none}>No run matches. Change the search or clear the filters.</p>}
      <BulkBar selecting={selecting} total={rows.total ?? 0} />
    </>
  );
}

/** Where the URL says which row was at the top, the list begins there: after a reload, by a link, and with Back. */
function useReturn(body: React.RefObject<HTMLElement | null>, height: number, total: number | null): void {
  const { searchParams } = useUrl();
  const row = useRef(Number(searchParams.get("row") ?? 0));
  useEffect(() => {
    if (total === null || total === 0 || !body.current) return;
    if (row.current > 0) window.scrollTo(0, window.scrollY + body.current.getBoundingClientRect().top + row.current * height);
    row.current = 0;
  }, [body, height, total]);
}
