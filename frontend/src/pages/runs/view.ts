/** The list's view as its URL says it: filters, order, columns. Pure. */
import type { RunsWanted } from "../../api/runs";
import type { RunMethod, RunSort, RunState } from "../../api/types";

export const STATES: readonly RunState[] = ["queued", "running", "pausing", "paused", "cancelling", "failing", "completed", "failed", "cancelled"];
export const METHODS: readonly RunMethod[] = ["copd", "experts", "mixed_rlvr", "static_opd", "mopd", "opd"];
export const SORTS: readonly { readonly sort: RunSort; readonly label: string; readonly descending: boolean }[] = [
  { sort: "created", label: "Created", descending: true },
  { sort: "name", label: "Name", descending: false },
  { sort: "state", label: "State", descending: false },
  { sort: "progress", label: "Progress", descending: true },
  { sort: "accuracy", label: "Merged accuracy", descending: true },
  { sort: "duration", label: "Duration", descending: true },
];
export const COLUMNS = ["state", "progress", "accuracy", "duration", "method", "created", "author", "priority", "id"] as const;
export type ColumnId = (typeof COLUMNS)[number];
export const DEFAULT_COLUMNS: readonly ColumnId[] = ["state", "progress", "accuracy", "duration", "created"];

/** The direction in which a sort begins: the newest, the best, the alphabet's first. */
export function firstDirection(sort: RunSort): boolean {
  return SORTS.find((each) => each.sort === sort)?.descending ?? true;
}

/** Unknown values are left out: an old link shows what it can. */
export function readView(params: URLSearchParams): RunsWanted {
  const [sort = "", direction] = (params.get("sort") ?? "").split("-");
  const known = SORTS.find((each) => each.sort === sort) ?? SORTS[0]!;
  return {
    search: params.get("search") ?? "",
    states: STATES.filter((state) => params.getAll("state").includes(state)),
    methods: METHODS.filter((method) => params.getAll("method").includes(method)),
    tags: [...new Set(params.getAll("tag"))].filter(Boolean),
    sort: known.sort,
    descending: direction === "asc" ? false : direction === "desc" ? true : known.descending,
  };
}

/** The search of the URL with this view in it; what the list shows anyway stays out. Other parameters stay. */
export function writeView(params: URLSearchParams, view: RunsWanted): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const name of ["search", "state", "method", "tag", "sort", "row"]) next.delete(name);
  if (view.search) next.set("search", view.search);
  for (const state of view.states) next.append("state", state);
  for (const method of view.methods) next.append("method", method);
  for (const tag of view.tags) next.append("tag", tag);
  const sort = view.descending === firstDirection(view.sort) ? view.sort : `${view.sort}-${view.descending ? "desc" : "asc"}`;
  if (sort !== "created") next.set("sort", sort);
  return next;
}

export function isFiltered(view: RunsWanted): boolean {
  return view.search !== "" || view.states.length + view.methods.length + view.tags.length > 0;
}

/** "state,progress" as columns, in the order of the table; null where it names none. */
export function readColumns(text: string | null): readonly ColumnId[] | null {
  if (text === null) return null;
  const named = text.split(",");
  return COLUMNS.filter((column) => named.includes(column));
}
