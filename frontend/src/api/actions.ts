/** What the page does: one function for each command, and the hook that runs it and puts the answer where the page reads it. */
import { useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import { body, http, type ApiError } from "./client";
import { runQuery } from "./queries";
import type { RetriedRun, Run, RunDeletion, RunState, Session, SpecCheck } from "./types";

export type Command = "pause" | "resume" | "retry" | "reseed" | "cancel" | "force";

/** Each command with its place in the API, which is also what must be allowed for it, and the body it sends. */
const COMMANDS = [
  { what: "pause", place: "pause" },
  { what: "resume", place: "resume" },
  { what: "retry", place: "retry", body: { reseed: false } },
  { what: "reseed", place: "retry", body: { reseed: true } },
  { what: "force", place: "force" },
  { what: "cancel", place: "cancel" },
] as const satisfies readonly { what: Command; place: string; body?: unknown }[];
/** States that wait for attempts to end, in words; the wait can be cut short. */
export const STOPPING: Partial<Record<RunState, string>> = { pausing: "Pausing …", failing: "Failing …", cancelling: "Cancelling …" };

/** The commands a run takes now. */
export function commandsOf(run: Run) {
  return COMMANDS.filter(({ place }) => (place === "force" ? run.state in STOPPING : run.allowed.includes(place)));
}

export interface MetaPatch {
  name?: string;
  notes?: string;
  tags?: string[];
}

const YAML = { headers: { "content-type": "application/yaml" }, bodySerializer: (source: unknown) => String(source) } as const;
const byId = (id: string) => ({ path: { run_id: id } });

export function signIn(code: string) {
  return body(http.POST("/api/v1/session", { body: { code } }));
}

export function signInByPassword(user: string, password: string): Promise<Session> {
  return body(http.POST("/api/v1/session", { body: { user, password } }));
}

export function signOut() {
  return body(http.DELETE("/api/v1/session"));
}

export function changePassword(current: string, wanted: string) {
  return body(http.PUT("/api/v1/session/password", { body: { current, new: wanted } }));
}

/** A dry run; `keepRounds` of a fork are done already. */
export function checkSpec(source: string, signal: AbortSignal, keepRounds = 0): Promise<SpecCheck> {
  return body(http.POST("/api/v1/spec/check", { ...YAML, params: { query: { keep_rounds: keepRounds } }, body: source as never, signal }));
}

/** Random, also where a page is not served securely and crypto.randomUUID is missing. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key makes a repeated click, or a retry after a lost answer, the same run. */
export function submitRun(source: string, key: string): Promise<Run> {
  return body(http.POST("/api/v1/runs", { ...YAML, body: source as never, params: { header: { "idempotency-key": key } } }));
}

export function command(id: string, what: Command): Promise<Run> {
  if (what === "pause") return body(http.POST("/api/v1/runs/{run_id}/pause", { params: byId(id) }));
  if (what === "resume") return body(http.POST("/api/v1/runs/{run_id}/resume", { params: byId(id) }));
  if (what === "retry" || what === "reseed") return retry(id, what === "reseed");
  if (what === "cancel") return body(http.POST("/api/v1/runs/{run_id}/cancel", { params: byId(id) }));
  return body(http.POST("/api/v1/runs/{run_id}/force", { params: byId(id) }));
}

/** Goes on with a failed run, with the next seed where asked. The answer says when that can only fail again. */
export function retry(id: string, reseed: boolean): Promise<RetriedRun> {
  return body(http.POST("/api/v1/runs/{run_id}/retry", { params: byId(id), body: { reseed } }));
}

export function patchMeta(id: string, patch: MetaPatch): Promise<Run> {
  return body(http.PATCH("/api/v1/runs/{run_id}", { params: byId(id), body: patch }));
}

export function setControls(run: Run, values: Record<string, boolean | number | string>): Promise<Run> {
  const header = { "if-match": `"${run.control_version}"` };
  const answer = body(http.PATCH("/api/v1/runs/{run_id}/controls", { params: { ...byId(run.id), header }, body: { set: values } }));
  return answer as Promise<Run>; // only a dry run answers with a preview
}

/** With `dryRun` only what would go. */
export function deleteRun(id: string, dryRun: boolean): Promise<RunDeletion> {
  return body(http.DELETE("/api/v1/runs/{run_id}", { params: { ...byId(id), query: { dry_run: dryRun } } }));
}

/** Runs a command that answers with the run as it now stands, and shows that at once. */
export function useRunAction<Input>(id: string, act: (input: Input) => Promise<Run>): UseMutationResult<Run, ApiError, Input> {
  const client = useQueryClient();
  return useMutation<Run, ApiError, Input>({
    mutationFn: act,
    onSuccess: (run) => client.setQueryData(runQuery(id).queryKey, run),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["run", id] }), client.invalidateQueries({ queryKey: ["runs"] })]),
  });
}
