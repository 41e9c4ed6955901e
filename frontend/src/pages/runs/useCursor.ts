import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { navigate } from "../../app/router";
import { followed, scrollBy } from "./rows";
import type { Rows } from "./useRows";
import type { Selecting } from "./useSelection";

/** Pixels of the window that the header and the bar of actions cover. */
const COVERED_ABOVE = 108;
const COVERED_BELOW = 84;

export interface Cursor {
  /** The row that has the focus, or had it last; null before any had. */
  readonly row: number | null;
  readonly move: (by: number) => void;
  readonly toggle: () => void;
  readonly open: () => void;
  readonly onFocus: (row: number) => void;
  /** Whether the key was one of the list's. */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** The row that the keyboard is at. It follows its run when others come before it. */
export function useCursor(body: RefObject<HTMLElement | null>, rows: Rows, height: number, selecting: Selecting): Cursor {
  const [row, setRow] = useState<number | null>(null);
  const id = useRef<string | null>(null);
  const wantsFocus = useRef(false);
  const last = (rows.total ?? 0) - 1;

  useEffect(() => {
    if (row === null || rows.isStale) return;
    const at = id.current === null ? row : followed(id.current, row, rows.rows);
    id.current = rows.rows.get(at)?.id ?? id.current;
    if (at !== row) setRow(at);
  }, [row, rows]);
  useEffect(() => {
    if (row === null || !wantsFocus.current) return;
    const element = document.getElementById(`run-row-${row}`);
    if (!element) return; // it is not drawn yet
    wantsFocus.current = false;
    element.focus({ preventScroll: true });
  });

  const goTo = useCallback(
    (next: number): void => {
      const to = Math.max(0, Math.min(last, next));
      if (last < 0 || !body.current) return;
      const top = -body.current.getBoundingClientRect().top;
      window.scrollBy(0, scrollBy(to, height, top, window.innerHeight, COVERED_ABOVE, COVERED_BELOW));
      wantsFocus.current = true;
      id.current = rows.rows.get(to)?.id ?? null;
      setRow(to);
    },
    [body, height, last, rows.rows],
  );
  const onFocus = useCallback((at: number): void => {
    id.current = null;
    setRow(at);
  }, []);
  const move = (by: number): void => goTo(row === null ? 0 : row + by);
  const run = row === null ? undefined : rows.rows.get(row);
  const toggle = (): void => {
    if (run && row !== null) selecting.toggle(row, run);
  };
  const open = (): void => {
    if (run) navigate(`/runs/${run.id}`);
  };

  const onKey = (event: KeyboardEvent): boolean => {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "Escape" && selecting.selection.size > 0) return selecting.clear(), true;
    const target = event.target as HTMLElement;
    const isRow = target.getAttribute("role") === "row";
    const page = Math.max(1, Math.floor((window.innerHeight - COVERED_ABOVE - COVERED_BELOW) / height));
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const by = moves[event.key];
    if (by !== undefined && target.closest("[role=rowgroup] [role=gridcell], [role=row][id]")) {
      if (event.shiftKey && run && row !== null && Math.abs(by) === 1) {
        if (!selecting.selection.has(run.id)) selecting.toggle(row, run);
        void selecting.reach(Math.max(0, Math.min(last, row + by)));
      }
      return goTo(by === Infinity ? last : by === -Infinity ? 0 : (row ?? 0) + by), true;
    }
    if (!isRow) return false;
    if (event.key === "Enter") return open(), true;
    if (event.key === " ") return toggle(), true;
    return false;
  };
  return { row, move, toggle, open, onFocus, onKey };
}
