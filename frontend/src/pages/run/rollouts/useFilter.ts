/** The filter of the list, all of it in the URL. */
import { useCallback } from "react";
import type { RolloutFilter } from "../../../api/rollouts";
import type { RolloutPart, RolloutSort } from "../../../api/types";
import { navigate, useUrl } from "../../../app/router";
import { PARTS } from "./reading";

export const SORTS = [
  { value: "newest", label: "Newest", order: "The highest step first." },
  { value: "worst", label: "Worst first", order: "The lowest mean reward first; of equal ones, that of the most answers, then the highest step." },
  { value: "best", label: "Best first", order: "The highest mean reward first; of equal ones, that of the most answers, then the highest step." },
  { value: "gap", label: "Most disputed", order: "Those with a gap to a teacher alone, the furthest below 0 first: the teacher finds the answer least likely." },
] as const;

/** Ranges of the mean reward over a prompt's completions, by their word in the URL. */
export const REWARDS: Record<string, { label: string; range: RolloutFilter["reward"] }> = {
  none: { label: "Reward 0", range: [null, 0] },
  low: { label: "Reward up to 0.5", range: [null, 0.5] },
  high: { label: "Reward from 0.5", range: [0.5, null] },
  full: { label: "Reward 1", range: [1, null] },
};
const NAMES = ["policy", "domain", "part", "reward", "from", "to"] as const;
type Name = (typeof NAMES)[number] | "sort" | "rollout";
const ANY = [null, null] as const;

function step(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

export function filterOf(search: URLSearchParams): RolloutFilter {
  const sort = search.get("sort");
  const part = search.get("part") ?? "";
  return {
    policy: search.get("policy") ?? "",
    domain: search.get("domain") ?? "",
    part: part in PARTS ? (part as RolloutPart) : "",
    from: step(search.get("from")),
    to: step(search.get("to")),
    reward: REWARDS[search.get("reward") ?? ""]?.range ?? ANY,
    sort: SORTS.some(({ value }) => value === sort) ? (sort as RolloutSort) : "newest",
  };
}

/** Changes search parameters of the page together; an empty value takes one out. */
export function setParams(changes: Readonly<Record<string, string>>): void {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  navigate(url.pathname + url.search, { replace: true });
}

export function useFilter() {
  const { searchParams } = useUrl();
  const filter = filterOf(searchParams);
  const isFiltered = NAMES.some((name) => searchParams.has(name));
  /** Another filter is another list: what was chosen in the last one is let go. */
  const set = useCallback((name: Name, value: string) => setParams({ [name]: value, ...(name !== "rollout" && { rollout: "" }) }), []);
  const clear = useCallback(() => setParams({ ...Object.fromEntries(NAMES.map((name) => [name, ""])), rollout: "" }), []);
  const chosen = step(searchParams.get("rollout"));
  return { filter, reward: searchParams.get("reward") ?? "", chosen, isFiltered, set, clear };
}
