/** What the page on which runs are written reads and does. */
import { queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";
import type { Run } from "./types";

export interface ForkWish {
  keep_rounds: number;
  set: Record<string, boolean | number | string>;
  reseed: boolean;
  name?: string;
}

/** The JSON schema of a spec, from which the form is made. */
export const specSchemaQuery = queryOptions({
  queryKey: ["spec-schema"],
  queryFn: ({ signal }) => body(http.GET("/api/v1/spec/schema", { signal })),
  staleTime: Infinity,
});

/** A new run from the end of an earlier one's round. Rolled back, the earlier one ends and the new one has its name. */
export function fork(id: string, wish: ForkWish, rollBack: boolean, key: string): Promise<Run> {
  const params = { path: { run_id: id }, header: { "idempotency-key": key } };
  return rollBack ? body(http.POST("/api/v1/runs/{run_id}/rollback", { params, body: wish })) : body(http.POST("/api/v1/runs/{run_id}/fork", { params, body: wish }));
}
