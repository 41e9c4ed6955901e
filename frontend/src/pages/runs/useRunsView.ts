import { useCallback, useMemo } from "react";
import type { RunsWanted } from "../../api/runs";
import { navigate, useUrl } from "../../app/router";
import { DEFAULT_COLUMNS, readColumns, readView, writeView, type ColumnId } from "./view";

const STORED = "copd:run-columns";

/** The view of the URL, and how to change it. Changes replace the entry, so that Back leaves the page. */
export function useRunsView(): [RunsWanted, (change: Partial<RunsWanted>) => void] {
  const { search } = useUrl();
  // The same object as long as the view is the same, whatever else the URL says.
  const written = writeView(new URLSearchParams(), readView(new URLSearchParams(search))).toString();
  const view = useMemo(() => readView(new URLSearchParams(written)), [written]);
  const change = useCallback((part: Partial<RunsWanted>) => {
    const params = new URLSearchParams(window.location.search);
    window.scrollTo(0, 0);
    go(writeView(params, { ...readView(params), ...part }));
  }, []);
  return [view, change];
}

/** The columns beside the name: those of the URL, else those chosen last in this browser. */
export function useColumns(): [readonly ColumnId[], (columns: readonly ColumnId[]) => void] {
  const { search } = useUrl();
  const columns = useMemo(() => readColumns(new URLSearchParams(search).get("columns")) ?? readColumns(stored()) ?? DEFAULT_COLUMNS, [search]);
  const choose = useCallback((next: readonly ColumnId[]) => {
    const params = new URLSearchParams(window.location.search);
    params.set("columns", next.join(","));
    try {
      localStorage.setItem(STORED, next.join(","));
    } catch {
      // the URL has them
    }
    go(params);
  }, []);
  return [columns, choose];
}

/** The row at the top of the window, so that a link and Back lead to the same place. */
export function rememberRow(row: number): void {
  const params = new URLSearchParams(window.location.search);
  if (String(row) === (params.get("row") ?? "0")) return;
  if (row > 0) params.set("row", String(row));
  else params.delete("row");
  go(params);
}

function go(params: URLSearchParams): void {
  const text = params.toString();
  navigate(window.location.pathname + (text && `?${text}`), { replace: true });
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}
