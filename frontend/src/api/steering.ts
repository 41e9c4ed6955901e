/** Edits of a run under way: what they would do, and doing it. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import type { Request } from "../parts/curl";
import { setControls } from "./actions";
import { body, http, type ApiError } from "./client";
import { runQuery } from "./queries";
import type { ControlPreview, Run } from "./types";

export type Value = boolean | number | string;
/** Wanted values by path. */
export type Changes = Readonly<Record<string, Value>>;

const PREVIEW_EVERY_MS = 2_000;

/** What the changes would do now: a dry run, which cannot differ from the edit. It is asked again, for time passes; not with all else of the
 * run, for after a change it would ask about a version that is gone. */
export const previewQuery = (run: Pick<Run, "id" | "control_version">, changes: Changes) =>
  queryOptions({
    queryKey: ["preview", run.id, run.control_version, changes],
    queryFn: ({ signal }) => {
      const params = { path: { run_id: run.id }, query: { dry_run: true }, header: { "if-match": `"${run.control_version}"` } };
      return body(http.PATCH("/api/v1/runs/{run_id}/controls", { params, body: { set: { ...changes } }, signal })) as Promise<ControlPreview>;
    },
    enabled: Object.keys(changes).length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: PREVIEW_EVERY_MS,
    retry: false,
  });

/** The edit as a request, for a shell. */
export function editRequest(run: Pick<Run, "id" | "control_version">, changes: Changes): Request {
  return { method: "PATCH", path: `/api/v1/runs/${run.id}/controls`, body: { set: changes }, headers: { "If-Match": `"${run.control_version}"` } };
}

/** Makes an edit and shows the run as it then is. It is done with the answer: what else changed comes by the stream. */
export function useEdit(run: Run): UseMutationResult<Run, ApiError, Changes> {
  const client = useQueryClient();
  const { queryKey } = runQuery(run.id);
  return useMutation<Run, ApiError, Changes>({
    mutationFn: (values) => setControls(run, { ...values }),
    onSuccess: (changed) => client.setQueryData(queryKey, changed),
    onSettled: () => void client.invalidateQueries({ queryKey }),
  });
}
