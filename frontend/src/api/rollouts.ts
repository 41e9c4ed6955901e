/** Rollouts kept for people to read, and held-out prompts through training. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";
import type { RolloutPart, RolloutSort } from "./types";

export interface RolloutFilter {
  policy: string;
  domain: string;
  part: RolloutPart | "";
  from: number | null;
  to: number | null;
  /** Bounds of the mean reward over a prompt's completions. */
  reward: readonly [number | null, number | null];
  sort: RolloutSort;
}

const PAGE = 30;
const byId = (id: string) => ({ path: { run_id: id } });

function fetchPage(id: string, { policy, domain, part, from, to, reward: [low, high], sort }: RolloutFilter, limit: number, after: string, signal: AbortSignal) {
  const query = {
    sort,
    limit,
    ...(policy && { policy: [policy] }),
    ...(domain && { domain: [domain] }),
    ...(part && { part: [part] }),
    ...(from !== null && { first_step: from }),
    ...(to !== null && { last_step: to }),
    ...(low !== null && { reward_min: low }),
    ...(high !== null && { reward_max: high }),
    ...(after && { after }),
  };
  return body(http.GET("/api/v1/runs/{run_id}/rollouts", { params: { ...byId(id), query }, signal }));
}

/** The list as it was when it was asked for: a run that goes on would shuffle it under whoever reads, so nothing but a wish renews it. While
 * it is empty, nobody reads, and it follows the run. */
export const rolloutsQuery = (id: string, filter: RolloutFilter) =>
  infiniteQueryOptions({
    queryKey: ["run", id, "rollouts", "list", filter],
    queryFn: ({ signal, pageParam }) => fetchPage(id, filter, PAGE, pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    staleTime: ({ state }) => (state.data?.pages[0]?.rollouts.length ? "static" : 0),
    gcTime: 0, // whoever comes back wants it as it is then
  });

/** How many there are now; the list says how many there were. */
export const rolloutCountQuery = (id: string, filter: RolloutFilter) =>
  queryOptions({
    queryKey: ["run", id, "rollouts", "count", filter],
    queryFn: async ({ signal }) => (await fetchPage(id, filter, 1, "", signal)).total,
  });

/** One token by token. What was kept never changes, unless its step is trained again after a loss. */
export const rolloutQuery = (id: string, rollout: number) =>
  queryOptions({
    queryKey: ["run", id, "rollout", rollout],
    queryFn: ({ signal }) =>
      body(http.GET("/api/v1/runs/{run_id}/rollouts/{rollout_id}", { params: { path: { run_id: id, rollout_id: rollout } }, signal })),
    staleTime: Infinity,
  });

export const probeHistoryQuery = (id: string, domain: string, index: number) =>
  queryOptions({
    queryKey: ["run", id, "probe-history", domain, index],
    queryFn: ({ signal }) => body(http.GET("/api/v1/runs/{run_id}/probes/history", { params: { ...byId(id), query: { domain, index } }, signal })),
    placeholderData: keepPreviousData,
  });
