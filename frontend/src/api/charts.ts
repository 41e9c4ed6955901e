/** What charts read besides the figures themselves, each with the key under which it is kept. */
import { queryOptions } from "@tanstack/react-query";
import type { StepWindow } from "../charts/zoom";
import { seriesKey } from "../live/curves";
import { body, http } from "./client";
import type { XAxis } from "./queries";
import type { SeriesData } from "./types";

/** How every figure looks, whichever run it is of. */
export const themeQuery = queryOptions({
  queryKey: ["theme"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/theme", { signal })),
  staleTime: Infinity,
});

/** The data of a figure now, in words: little to send, since of each series only its ends are. */
export const summaryQuery = (id: string, name: string, x: XAxis) =>
  queryOptions({
    queryKey: ["run", id, "figures", name, x, "summary"],
    queryFn: async ({ signal }) => (await fetchFigure(id, name, { x, limit: 4 }, signal)).summary,
    staleTime: Infinity,
  });

/** What the overview says in words. Under "figures", because what makes those stale makes this stale. */
export const factsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "figures", "facts"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/series", { params: { path: { run_id: id }, query: { name: ["capability", "overlap"] } }, signal })),
    staleTime: Infinity,
  });

/** A figure of some steps only, at the resolution they deserve. */
export const windowQuery = (id: string, name: string, x: XAxis, window: StepWindow) =>
  queryOptions({
    queryKey: ["run", id, "figures", name, x, "window", window.start, window.stop],
    queryFn: ({ signal }) => fetchFigure(id, name, { x, ...window }, signal),
    staleTime: Infinity,
  });

/** Every point of the series called so, however many there are. */
export async function fetchAllSeries(id: string, names: string[], start = 0, stop = LAST_STEP): Promise<SeriesData[]> {
  const query = { name: names, start, stop, limit: MOST_POINTS };
  const { series } = await body(http.GET("/api/v1/runs/{run_id}/series", { params: { path: { run_id: id }, query } }));
  if (series.every(({ step, total }) => step.length === total)) return series;
  const steps = series.flatMap(({ step }) => [step[0] ?? start, step.at(-1) ?? start]);
  const middle = Math.floor((Math.min(...steps) + Math.max(...steps)) / 2);
  return joined(await fetchAllSeries(id, names, start, middle), await fetchAllSeries(id, names, middle + 1, stop));
}

export const LAST_STEP = 2 ** 31 - 1;
/** Most that the server sends of a series at once. */
export const MOST_POINTS = 100_000;

function fetchFigure(id: string, name: string, query: { x: XAxis; limit?: number; start?: number; stop?: number }, signal: AbortSignal) {
  return body(http.GET("/api/v1/runs/{run_id}/figures/{name}", { params: { path: { run_id: id, name }, query }, signal }));
}

/** Two parts of the same curves, one after the other. */
function joined(earlier: SeriesData[], later: SeriesData[]): SeriesData[] {
  const all = new Map(earlier.map((series) => [seriesKey(series), series]));
  for (const part of later) {
    const held = all.get(seriesKey(part));
    all.set(seriesKey(part), held ? chained(held, part) : part);
  }
  return [...all.values()];
}

function chained(a: SeriesData, b: SeriesData): SeriesData {
  const errors = (part: SeriesData): (number | null)[] => part.se ?? part.step.map(() => null);
  return {
    ...a,
    total: a.total + b.total,
    step: [...a.step, ...b.step],
    value: [...a.value, ...b.value],
    time: [...a.time, ...b.time],
    attempt: [...(a.attempt ?? []), ...(b.attempt ?? [])],
    se: a.se || b.se ? [...errors(a), ...errors(b)] : null,
  };
}
