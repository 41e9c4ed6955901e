/** What a newcomer wants to know of a run first, from the curves the page holds. Pure. */
import type { Run, SegmentView } from "../../../api/types";
import type { Curves } from "../../../live/curves";

export interface Weakest {
  readonly policy: string;
  readonly domain: string;
  readonly step: number;
  readonly accuracy: number;
  /** Half of the 95 % interval. */
  readonly error: number | null;
  /** The other domains whose accuracy lies within that interval, the weakest first: it takes more prompts to tell them apart. */
  readonly rivals: readonly { readonly domain: string; readonly accuracy: number }[];
}

type DomainScore = Omit<Weakest, "rivals">;

export interface LowestOverlap {
  readonly student: string;
  readonly teacher: string;
  readonly step: number;
  readonly value: number;
}

export interface MeanOf {
  readonly policy: string;
  readonly step: number;
  readonly mean: number;
  readonly base: number | null;
  /** A later step was evaluated in some domains, and not in all yet. */
  readonly isFollowed: boolean;
}

const Z95 = 1.96;

/**
 * The policy a person would take home, by its mean over all domains at the newest step at which it was evaluated in each: the merged model as
 * soon as there is one, else the best of the others. Null until one was evaluated in every domain.
 */
export function bestPolicy(curves: Curves, run: Pick<Run, "policies" | "domains">): MeanOf | null {
  const means = run.policies.flatMap(({ name, role }) => {
    const scores = wholeEvaluation(curves, name, run.domains);
    return scores.length ? [{ name, role, step: scores[0]?.step ?? 0, mean: scores.reduce((total, { accuracy }) => total + accuracy, 0) / scores.length }] : [];
  });
  const base = means.find(({ role }) => role === "base")?.mean ?? null;
  const candidates = means.filter(({ role }) => role !== "base");
  const best = candidates.find(({ role }) => role === "merged") ?? candidates.toSorted((a, b) => b.mean - a.mean)[0] ?? means[0];
  if (!best) return null;
  const isFollowed = run.domains.some((domain) => (curves.get(`capability|${best.name}||${domain}`)?.points.at(-1)?.step ?? 0) > best.step);
  return { policy: best.name, step: best.step, mean: best.mean, base: best.role === "base" ? null : base, isFollowed };
}

/** The domain in which that policy is worst, at that step. */
export function weakest(curves: Curves, run: Pick<Run, "policies" | "domains">): Weakest | null {
  const policy = bestPolicy(curves, run)?.policy;
  if (policy === undefined) return null;
  const [lowest, ...others] = wholeEvaluation(curves, policy, run.domains).toSorted((a, b) => a.accuracy - b.accuracy);
  if (!lowest) return null;
  return { ...lowest, rivals: others.filter(({ accuracy }) => accuracy <= lowest.accuracy + (lowest.error ?? 0)).map(({ domain, accuracy }) => ({ domain, accuracy })) };
}

/** A policy's score in each domain at the newest step at which it has one in all: it is evaluated in one after the other, and two models
 * are not taken for one. Empty before that. */
function wholeEvaluation(curves: Curves, policy: string, domains: readonly string[]): DomainScore[] {
  const scores = domains.map((domain) => new Map((curves.get(`capability|${policy}||${domain}`)?.points ?? []).map((point) => [point.step, point])));
  const step = [...(scores[0]?.keys() ?? [])].findLast((each) => scores.every((of) => of.get(each)?.value != null));
  return domains.flatMap((domain, i): DomainScore[] => {
    const point = step === undefined ? undefined : scores[i]?.get(step);
    return point?.value == null ? [] : [{ policy, domain, step: point.step, accuracy: point.value, error: point.se === null ? null : Z95 * point.se }];
  });
}

/** Where two experts were least alike, over the whole run and over all domains together. */
export function lowestOverlap(curves: Curves): LowestOverlap | null {
  let lowest: LowestOverlap | null = null;
  for (const [key, curve] of curves) {
    const [name, student = "", teacher = "", domain] = key.split("|");
    if (name !== "overlap" || domain !== "") continue;
    for (const { step, value } of curve.points) if (value !== null && (lowest === null || value < lowest.value)) lowest = { student, teacher, step, value };
  }
  return lowest;
}

const TRAINING: readonly SegmentView["kind"][] = ["sft", "rlvr", "opd"];

/** Who has still to train and does nothing now: a teacher is not done yet, or the workers are with others. In plan order. */
export function whoWaits(segments: readonly Pick<SegmentView, "policy" | "kind" | "state">[]): string[] {
  const busy = segments.filter(({ state }) => state === "running").map(({ policy }) => policy);
  const left = segments.filter(({ kind, state }) => TRAINING.includes(kind) && state === "planned").map(({ policy }) => policy);
  return [...new Set(left)].filter((policy) => !busy.includes(policy));
}
