/** A run's log: the newest page and the ones before it, filtered by the server. */
import { infiniteQueryOptions, queryOptions, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { body, http } from "./client";
import type { LogEntry } from "./types";

export type ActorKind = LogEntry["kind"];

/** What the page of events is filtered by; empty texts filter nothing. */
export interface LogFilter {
  who: string;
  level: LogEntry["level"];
  policy: string;
  attempt: string;
  q: string;
}

export const PAGE = 200;
/** Lines may be committed a little out of their order: so many ids before the newest are looked at again. */
const OVERLAP = 50;

interface LogPage {
  entries: LogEntry[];
}

/** The filter as the API takes it. */
export function logParams({ who, level, policy, attempt, q }: LogFilter) {
  const actors = who.split(",").filter((kind): kind is ActorKind => kind === "people" || kind === "scheduler" || kind === "workers");
  return {
    level,
    ...(actors.length && { actors }),
    ...(policy && { policy }),
    ...(/^\d+$/.test(attempt) && { attempt: Number(attempt) }),
    ...(q && { q }),
  };
}

/** Where the filtered log is downloaded from. */
export function logFileUrl(id: string, filter: LogFilter, format: "text" | "jsonl"): string {
  const search = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(logParams(filter))) for (const each of [value].flat()) search.append(name, String(each));
  return `/api/v1/runs/${id}/log/file?${search}`;
}

const read = (id: string, query: object, signal: AbortSignal) => body(http.GET("/api/v1/runs/{run_id}/log", { params: { path: { run_id: id }, query }, signal }));

/** Pages from the newest backwards; each page is oldest first. New lines are put in by `newLinesQuery`. */
export const logPagesQuery = (id: string, filter: LogFilter) =>
  infiniteQueryOptions({
    queryKey: ["run", id, "log-pages", logParams(filter)],
    queryFn: ({ pageParam, signal }) => read(id, { ...logParams(filter), limit: PAGE, ...(pageParam && { before: pageParam }) }, signal),
    initialPageParam: 0,
    getNextPageParam: (page: LogPage) => (page.entries.length < PAGE ? undefined : page.entries[0]?.id),
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** What came after the newest line held, read anew whenever the stream says that the log has changed. */
export const newLinesQuery = (client: QueryClient, id: string, filter: LogFilter) =>
  queryOptions({
    queryKey: ["run", id, "log", "new", logParams(filter)],
    queryFn: async ({ signal }) => {
      const { queryKey } = logPagesQuery(id, filter);
      const newest = client.getQueryData(queryKey)?.pages[0]?.entries.at(-1)?.id ?? 0;
      const { entries } = await read(id, { ...logParams(filter), limit: 1000, after: Math.max(0, newest - OVERLAP) }, signal);
      client.setQueryData(queryKey, (held) => held && withLines(held, entries));
      return entries.at(-1)?.id ?? newest;
    },
  });

/** The pages with lines that are new put into the newest one, each once and in order. */
export function withLines<Page extends LogPage, Param>(held: InfiniteData<Page, Param>, lines: readonly LogEntry[]): InfiniteData<Page, Param> {
  const [first, ...older] = held.pages;
  if (!first) return held;
  const known = new Set(held.pages.flatMap((page) => page.entries.map((entry) => entry.id)));
  const oldest = first.entries[0]?.id ?? 0;
  const fresh = lines.filter((line) => !known.has(line.id) && (older.length === 0 || line.id > oldest));
  if (!fresh.length) return held;
  const entries = [...first.entries, ...fresh].toSorted((a, b) => a.id - b.id);
  return { ...held, pages: [{ ...first, entries }, ...older] };
}
