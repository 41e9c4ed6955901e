import { useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import { exportCheckpoint, pin, rollBack, sweep } from "../../../api/checkpoints";
import type { ApiError } from "../../../api/client";
import type { CheckpointView, ExportView, Run, SweepRequest, SweepView } from "../../../api/types";
import { navigate } from "../../../app/router";
import { announce } from "../../../parts/Announcer";
import { bytes } from "../../../parts/numbers";
import { asked } from "./asked";
import { checkpoints } from "./checkpointText";

interface Place {
  policy: string;
  step: number;
}

/** What is done on this tab: each answers at once, is announced, and has its list read again. */
export function usePin(run: Run): UseMutationResult<CheckpointView, ApiError, Place & { pinned: boolean }> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ policy, step, pinned }) => pin(run.id, policy, step, pinned),
    onSuccess: (_, { policy, step, pinned }) => announce(`${policy} at step ${step} is ${pinned ? "pinned" : "no longer pinned"}.`),
    onSettled: () => client.invalidateQueries({ queryKey: ["run", run.id, "checkpoints"] }),
  });
}

export function useExport(run: Run): UseMutationResult<ExportView, ApiError, Place> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ policy, step }) => exportCheckpoint(run.id, policy, step),
    onSuccess: ({ id }, { policy, step }) => {
      asked.add(id);
      announce(`The export of ${policy} at step ${step} is requested.`);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["run", run.id, "exports"] }),
  });
}

export function useRollBack(run: Run): UseMutationResult<Run, ApiError, number> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (rounds) => rollBack(run.id, rounds),
    onSuccess: (made, rounds) => {
      announce(`Rolled back to the end of round ${rounds}; this is the new run.`);
      navigate(`/runs/${made.id}`);
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["run", run.id] }),
  });
}

export function useSweep(run: Run): UseMutationResult<SweepView, ApiError, SweepRequest> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (keep) => sweep(run.id, keep),
    onSuccess: ({ removed, removed_bytes: size }) => announce(`${checkpoints(removed.length)} removed, ${bytes(size)}.`),
    onSettled: () => client.invalidateQueries({ queryKey: ["run", run.id, "checkpoints"] }),
  });
}
