/** What the page reads, each with the key under which it is kept. Keys of one run all start with ["run", id]. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";

export type XAxis = "step" | "time" | "tokens";

const byId = (id: string) => ({ path: { run_id: id } });

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/session", { signal })),
  staleTime: Infinity,
});

/** What the sign-in page offers, and why the last single sign-on failed. */
export const waysInQuery = queryOptions({
  queryKey: ["ways-in"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/session/ways", { signal })),
});

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/workers", { signal })),
  refetchInterval: 2_000,
});

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/spec/templates", { signal })),
  staleTime: Infinity,
});

/** Besides what events tell, a running one is read again for its progress and estimates. */
export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "run"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}", { params: byId(id), signal })),
    refetchInterval: (query) => (query.state.data?.state === "running" ? 3_000 : false),
  });

/** The stream position of now, and no points: the page opens its stream here before it fetches any figure, so that nothing falls between. */
export async function fetchCursor(id: string, signal: AbortSignal): Promise<string> {
  const { cursor } = await body(http.GET("/api/v1/runs/{run_id}/series", { params: { ...byId(id), query: { name: ["-"] } }, signal }));
  return cursor;
}

export const segmentsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "segments"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/segments", { params: byId(id), signal })),
  });

export const figureListQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "figure-list"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/figures", { params: byId(id), signal })),
    staleTime: Infinity,
  });

/** Figures that may draw another run's curves, whose points are not in this run's stream. */
const COMPARING = ["overlap", "divergence"];
const COMPARED_EVERY_MS = 20_000;

export const figureQuery = (id: string, name: string, x: XAxis) =>
  queryOptions({
    queryKey: ["run", id, "figures", name, x],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/figures/{name}", { params: { path: { run_id: id, name }, query: { x } }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    refetchInterval: COMPARING.includes(name) && COMPARED_EVERY_MS,
  });

export const resultQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "result"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/result", { params: byId(id), signal })),
  });

export const probesQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "probes"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/probes", { params: byId(id), signal })),
  });

export const checkpointsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "checkpoints"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/checkpoints", { params: byId(id), signal })),
  });

export const logQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "log"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/log", { params: { ...byId(id), query: { limit: 500 } }, signal })),
    placeholderData: keepPreviousData,
  });

export const exportsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "exports"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/exports", { params: byId(id), signal })),
    refetchInterval: (query) => (query.state.data?.exports.some((e) => e.state === "waiting") ? 1_000 : false),
  });
