/** What the experts have in common. A new measurement makes all of it stale at once. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";

const byId = (id: string) => ({ path: { run_id: id } });

/** The matrices of overlaps at every measured step, on the prompts of one domain; the mean of all for "". */
export const overlapsQuery = (id: string, domain: string) =>
  queryOptions({
    queryKey: ["run", id, "agreement", "domain", domain],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/agreement", { params: { ...byId(id), query: domain ? { domain } : {} }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });

export const absorbedQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "agreement", "absorbed"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/absorbed", { params: byId(id), signal })),
    staleTime: Infinity,
  });
