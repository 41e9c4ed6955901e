/** Runs beside each other. The place of a run's look goes along, so that it looks the same when another comes or goes. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";
import type { XAxis } from "./queries";

/** A run that is compared, and the place of its look. */
export interface Compared {
  readonly id: string;
  readonly place: number;
}

const REFRESH_MS = 10_000;
const asked = (runs: readonly Compared[]) => ({ run: runs.map(({ id }) => id), place: runs.map(({ place }) => place) });
const keyOf = (runs: readonly Compared[]): string => runs.map(({ id, place }) => `${id}:${place}`).join();

export const comparisonQuery = (runs: readonly Compared[]) =>
  queryOptions({
    queryKey: ["compare", keyOf(runs), "all"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/compare", { params: { query: asked(runs) }, signal })),
    placeholderData: keepPreviousData,
    enabled: runs.length > 0,
    refetchInterval: (query) => (query.state.data?.runs.some((run) => run.ended_at === null) ? REFRESH_MS : false),
  });

export const comparedFigureQuery = (runs: readonly Compared[], name: string, x: XAxis, policy: string, live: boolean) =>
  queryOptions({
    queryKey: ["compare", keyOf(runs), "figures", name, x, policy],
    queryFn: ({ signal }) => body(http.GET("/api/v1/compare/figures/{name}", { params: { path: { name }, query: { ...asked(runs), x, policy } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: live && REFRESH_MS,
  });

export const comparedAgreementQuery = (runs: readonly Compared[], live: boolean) =>
  queryOptions({
    queryKey: ["compare", keyOf(runs), "agreement"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/compare/agreement", { params: { query: asked(runs) }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: live && REFRESH_MS,
  });
