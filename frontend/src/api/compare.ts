/** Runs beside each other. The place of a run's look goes along, so that it looks the same when another comes or goes. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { leavesOut, metaOf } from "../charts/meta";
import type { StepWindow } from "../charts/zoom";
import { LAST_STEP, MOST_POINTS } from "./charts";
import { body, http } from "./client";
import type { XAxis } from "./queries";
import type { Figure } from "./types";

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

/** A figure of several runs. */
export interface ComparedFigure {
  readonly runs: readonly Compared[];
  readonly name: string;
  readonly x: XAxis;
  /** Whose curves. */
  readonly policy: string;
}

/** Of some steps only where there is a window. */
export const comparedFigureQuery = (of: ComparedFigure, live: boolean, window?: StepWindow) =>
  queryOptions({
    queryKey: ["compare", keyOf(of.runs), "figures", of.name, of.x, of.policy, ...(window ? ["window", window.start, window.stop] : [])],
    queryFn: ({ signal }) => fetchFigure(of, { ...window }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: live && REFRESH_MS,
  });

/** Every point of the figure, however many there are: the same figure of one stretch of steps after the other. */
export async function fetchWholeFigure(of: ComparedFigure, start = 0, stop = LAST_STEP): Promise<Figure[]> {
  const figure = await fetchFigure(of, { start, stop, limit: MOST_POINTS });
  if (!leavesOut(figure)) return [figure];
  const ends = figure.data.flatMap((trace) => [metaOf(trace).step?.[0] ?? start, metaOf(trace).step?.at(-1) ?? start]);
  const middle = Math.floor((Math.min(...ends) + Math.max(...ends)) / 2);
  return [...(await fetchWholeFigure(of, start, middle)), ...(await fetchWholeFigure(of, middle + 1, stop))];
}

/** Where the API has it. */
export function comparedFigurePath({ runs, name, x, policy }: ComparedFigure): string {
  const { run, place } = asked(runs);
  const query = new URLSearchParams([...run.map((id) => ["run", id]), ...place.map((at) => ["place", String(at)]), ["x", x], ["policy", policy]]);
  return `/compare/figures/${encodeURIComponent(name)}?${query}`;
}

function fetchFigure({ runs, name, x, policy }: ComparedFigure, part: { start?: number; stop?: number; limit?: number }, signal?: AbortSignal) {
  const query = { ...asked(runs), x, policy, ...part };
  return body(http.GET("/api/v1/compare/figures/{name}", { params: { path: { name }, query }, ...(signal && { signal }) }));
}

export const comparedAgreementQuery = (runs: readonly Compared[], live: boolean) =>
  queryOptions({
    queryKey: ["compare", keyOf(runs), "agreement"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/compare/agreement", { params: { query: asked(runs) }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: live && REFRESH_MS,
  });
