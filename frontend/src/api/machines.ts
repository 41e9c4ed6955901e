/** Attempts of a run, and how busy the workers' machines are. */
import { queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";

/** Under the key of segments: whatever changes a segment changes its attempts. */
export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "segments", "attempts"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/attempts", { params: { path: { run_id: id } }, signal })),
  });

export const USAGE_MINUTES = 60;

export const usageQuery = queryOptions({
  queryKey: ["workers", "usage"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/workers/usage", { params: { query: { minutes: USAGE_MINUTES } }, signal })),
  refetchInterval: 10_000,
});
