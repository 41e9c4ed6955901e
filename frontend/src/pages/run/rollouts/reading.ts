/** What is read off kept rollouts: words, scales and shades. Pure. */
import type { KeptToken, ProbeAnswer, RolloutPart, RolloutSort, RolloutSummary, RolloutView, Run } from "../../../api/types";
import { count } from "../../../parts/numbers";
import { isOver } from "../runText";

export const PARTS: Record<RolloutPart, string> = {
  native: "RLVR",
  cross: "OPD",
  heldout: "held out",
};

/** What tokens are coloured by: a teacher's name, or the student alone. */
export const ALONE = "";

/** "RLVR on its own text prompts", "OPD from text, on text prompts", "held-out prompt of text": why a policy was asked. */
export function origin({ part, peer, domain }: Pick<RolloutSummary, "part" | "peer" | "domain">): string {
  if (part === "heldout") return `held-out prompt of ${domain}`;
  return part === "cross" ? `OPD from ${peer}, on ${domain} prompts` : `RLVR on its own ${domain} prompts`;
}

const rewards = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const nats = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });

export function reward(value: number): string {
  return rewards.format(value);
}

/** Nats with their sign, as "+0.31" or "−1.20". */
export function signed(value: number): string {
  return nats.format(value).replace("-", "−");
}

/** "2 nats", "1 nat": without a sign. */
export function natsText(value: number): string {
  return `${value} ${value === 1 ? "nat" : "nats"}`;
}

/** Whose gap it is that the list names: where several teachers looked, the lowest, and only the rollout itself knows whose that is. */
export function gapText({ gap, peer }: Pick<RolloutSummary, "peer"> & { gap: number }): string {
  return `${peer === null ? "lowest gap" : `gap to ${peer}`} ${signed(gap)} nats`;
}

/** The teacher of that gap: the one whose mean over all kept tokens is lowest. */
export function lowestTeacher({ completions }: Pick<RolloutView, "completions">): string | undefined {
  const gaps = new Map<string, number[]>();
  for (const { teachers } of completions.flatMap(({ tokens }) => tokens)) {
    for (const [name, { gap }] of Object.entries(teachers ?? {})) gaps.set(name, [...(gaps.get(name) ?? []), gap]);
  }
  const means = Array.from(gaps, ([name, all]) => [name, all.reduce((sum, gap) => sum + gap, 0) / all.length] as const);
  return means.toSorted(([, a], [, b]) => a - b)[0]?.[0];
}

/** What a prompt's completions got, in a few words. */
export function rewardText({ size, reward_min: low, reward_mean: mean, reward_max: high }: Pick<RolloutSummary, "size" | "reward_min" | "reward_mean" | "reward_max">): string {
  if (size === 1) return reward(mean);
  if (low === high) return `all ${size} got ${reward(mean)}`;
  return `mean ${reward(mean)} of ${size}, ${reward(low)} to ${reward(high)}`;
}

/** " 12 prompts are equally bad: all 8 got 0.": the first of the list is one of several, and which of them leads changes as new ones come. */
export function tiedText(sort: RolloutSort, page: { tied: number | null; rollouts: readonly RolloutSummary[] } | undefined): string {
  const first = page?.rollouts[0];
  if (!first || !page.tied || page.tied < 2 || (sort !== "worst" && sort !== "best")) return "";
  return ` ${count(page.tied)} are equally ${sort === "worst" ? "bad" : "good"}: ${first.size === 1 ? "reward " : ""}${rewardText(first)}.`;
}

export type Verdict = "right" | "partly" | "wrong";

export function verdict(value: number): Verdict {
  if (value >= 1) return "right";
  return value > 0 ? "partly" : "wrong";
}

/** A probability from its logarithm, as "42.1%". */
export function probability(logProb: number): string {
  const percent = 100 * Math.exp(logProb);
  if (percent >= 99.95) return "100%";
  return percent < 0.1 ? "<0.1%" : `${percent.toFixed(1)}%`;
}

/** How a token is to be shaded by a teacher, or by the student alone: the gap, or how unlikely it was; null where there is none. */
export function measureOf(token: KeptToken, by: string): number | null {
  return by === ALONE ? -token.log_prob : (token.teachers?.[by]?.gap ?? null);
}

const LIMITS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Where the colours of a rollout end: a round number that nine of ten tokens stay under. */
export function limitOf(tokens: readonly KeptToken[], by: string): number {
  const sizes = tokens.flatMap((token) => Math.abs(measureOf(token, by) ?? 0)).toSorted((a, b) => a - b);
  const most = sizes[Math.floor(0.9 * (sizes.length - 1))] ?? 0;
  return LIMITS.find((limit) => limit >= most) ?? 10;
}

/** Strength of a shade in [−1, 1]; the sign is the gap's. */
export function strength(measure: number, limit: number): number {
  return Math.max(-1, Math.min(1, measure / limit));
}

/** The colour behind a token: the scheme's own warm or cool tone, or that of surprise, mixed thinly so that text stays readable. */
export function shade(measure: number | null, limit: number, by: string): string | undefined {
  if (measure === null) return undefined;
  const share = strength(measure, limit);
  const tone = by === ALONE ? "--surprise" : share < 0 ? "--less" : "--more";
  return `color-mix(in srgb, var(${tone}) ${Math.round(Math.abs(share) * 55)}%, transparent)`;
}

/** A token for a screen reader. */
export function spoken(token: KeptToken, by: string): string {
  const name = token.name.trim() ? token.name : token.name === "\n" ? "line break" : "space";
  const measure = measureOf(token, by);
  const said = `${name}, ${probability(token.log_prob)} likely`;
  return by === ALONE || measure === null ? said : `${said}, gap to ${by} ${signed(measure)} nats`;
}

/** Why the list is empty, and when that will change. */
export function emptyText(run: Pick<Run, "state" | "spec">): string {
  const every = (run.spec["rollouts"] as { every?: number } | undefined)?.every ?? 0;
  if (every === 0) return "This run keeps no rollouts: its spec says rollouts.every: 0.";
  if (isOver(run.state)) return "No rollouts were kept before the run ended.";
  if (run.state === "queued") return "Nothing kept yet. The first rollouts come with step 1, once a worker takes the run.";
  return `Nothing kept yet. The first rollouts come with step 1 of each expert, then every ${every === 1 ? "step" : `${every} steps`}.`;
}

/** "right at 3 of 6, always since step 40": how one policy fared on a prompt. */
export function course(answers: readonly ProbeAnswer[]): string {
  const right = answers.filter((answer) => answer.reward >= 1).length;
  const last = answers.at(-1);
  if (!last) return "never asked";
  if (answers.length === 1) return verdict(last.reward) === "right" ? "right" : "not right";
  const lastWrong = answers.findLastIndex((answer) => answer.reward < 1);
  const since = answers[lastWrong + 1];
  const told = `right at ${right} of ${answers.length}`;
  if (right === 0 || right === answers.length || !since) return told;
  return since === last ? `${told}, at step ${last.step} too` : `${told}, always since step ${since.step}`;
}
