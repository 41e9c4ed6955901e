/** The list of runs: any part of it in any order, and what is done to many runs at once. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";
import type { Commanded, RunList, RunMethod, RunSort, RunState, TagCount } from "./types";

/** Which runs, and in which order. */
export interface RunsWanted {
  readonly search: string;
  readonly states: readonly RunState[];
  readonly methods: readonly RunMethod[];
  readonly tags: readonly string[];
  readonly sort: RunSort;
  readonly descending: boolean;
}

export type BulkCommand = "pause" | "resume" | "cancel";

/** Runs that are fetched together. */
export const BLOCK = 50;
/** The most runs that one action takes. */
export const MOST_AT_ONCE = 1_000;
const REFRESH_MS = 3_000;

export function fetchRuns(wanted: RunsWanted, offset: number, limit: number, signal?: AbortSignal): Promise<RunList> {
  const { search, states, methods, tags, sort, descending } = wanted;
  const filters = {
    ...(search && { q: search }),
    ...(states.length && { state: [...states] }),
    ...(methods.length && { method: [...methods] }),
    ...(tags.length && { tag: [...tags] }),
  };
  const query = { ...filters, sort, descending, limit, offset };
  return body(http.GET("/api/v1/runs", { params: { query }, ...(signal && { signal }) }));
}

/** The runs from `block` × BLOCK on. */
export const blockQuery = (wanted: RunsWanted, block: number) =>
  queryOptions({
    queryKey: ["runs", "block", wanted, block],
    queryFn: ({ signal }) => fetchRuns(wanted, block * BLOCK, BLOCK, signal),
    refetchInterval: REFRESH_MS,
    staleTime: 1_000,
  });

export const tagsQuery = queryOptions({
  queryKey: ["runs", "tags"],
  queryFn: async ({ signal }): Promise<TagCount[]> => (await body(http.GET("/api/v1/runs/tags", { signal }))).tags,
  placeholderData: keepPreviousData,
  staleTime: 10_000,
});

export async function commandRuns(command: BulkCommand, runs: readonly string[]): Promise<Commanded[]> {
  return (await body(http.POST("/api/v1/runs/commands", { body: { command, runs: [...runs] } }))).results;
}

export async function tagRuns(runs: readonly string[], add: readonly string[], remove: readonly string[]): Promise<Commanded[]> {
  return (await body(http.POST("/api/v1/runs/tags", { body: { runs: [...runs], add: [...add], remove: [...remove] } }))).results;
}
