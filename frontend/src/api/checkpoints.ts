/** What is done with a run's checkpoints. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { newKey } from "./actions";
import { body, http } from "./client";
import type { CheckpointView, ExportView, Run, SweepRequest, SweepView } from "./types";

const byId = (id: string) => ({ path: { run_id: id } });

export function pin(id: string, policy: string, step: number, pinned: boolean): Promise<CheckpointView> {
  return body(http.PATCH("/api/v1/runs/{run_id}/checkpoints/{policy}/{step}", { params: { path: { run_id: id, policy, step } }, body: { pinned } }));
}

export function exportCheckpoint(id: string, policy: string, step: number): Promise<ExportView> {
  return body(http.POST("/api/v1/runs/{run_id}/export", { params: byId(id), body: { policy, step } }));
}

export function rollBack(id: string, rounds: number): Promise<Run> {
  const header = { "idempotency-key": newKey() };
  return body(http.POST("/api/v1/runs/{run_id}/rollback", { params: { ...byId(id), header }, body: { keep_rounds: rounds, reseed: false } }));
}

export function sweep(id: string, keep: SweepRequest): Promise<SweepView> {
  return body(http.POST("/api/v1/runs/{run_id}/checkpoints/sweep", { params: byId(id), body: keep }));
}

/** What a sweep would remove; asked again whenever the checkpoints change. */
export const sweepPreviewQuery = (id: string, keep: SweepRequest) =>
  queryOptions({
    queryKey: ["run", id, "checkpoints", "sweep", keep],
    queryFn: ({ signal }) => body(http.POST("/api/v1/runs/{run_id}/checkpoints/sweep", { params: { ...byId(id), query: { dry_run: true } }, body: keep, signal })),
    placeholderData: keepPreviousData,
  });
