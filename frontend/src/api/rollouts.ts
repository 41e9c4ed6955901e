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

export const rolloutsQuery = (id: string, filter: RolloutFilter) =>
  infiniteQueryOptions({
    queryKey: ["run", id, "rollouts", filter],
    queryFn: ({ signal, pageParam }) => {
      const { policy, domain, part, from, to, sort } = filter;
      const [low, high] = filter.reward;
      const query = {
        sort,
        limit: PAGE,
        ...(policy && { policy: [policy] }),
        ...(domain && { domain: [domain] }),
        ...(part && { part: [part] }),
        ...(from !== null && { first_step: from }),
        ...(to !== null && { last_step: to }),
        ...(low !== null && { reward_min: low }),
        ...(high !== null && { reward_max: high }),
        ...(pageParam && { after: pageParam }),
      };
      return body(http.GET("/api/v1/runs/{run_id}/rollouts", { params: { ...byId(id), query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
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
