/** What a newcomer wants to know of a run first, from the curves the page holds. Pure. */
import type { Run } from "../../../api/types";
import type { Curves, Point } from "../../../live/curves";

export interface Weakest {
  readonly policy: string;
  readonly domain: string;
  readonly step: number;
  readonly accuracy: number;
  /** Half of the 95 % interval. */
  readonly error: number | null;
}

export interface LowestOverlap {
  readonly student: string;
  readonly teacher: string;
  readonly step: number;
  readonly value: number;
}

export interface MeanOf {
  readonly policy: string;
  readonly mean: number;
  readonly base: number | null;
}

const Z95 = 1.96;

/**
 * The policy a person would take home, by its mean over all domains: the merged model as soon as it was evaluated in each, else the best of
 * the others. Null until one was evaluated in every domain.
 */
export function bestPolicy(curves: Curves, run: Pick<Run, "policies" | "domains">): MeanOf | null {
  const means = run.policies.flatMap(({ name, role }) => {
    const values = run.domains.map((domain) => newest(curves, name, domain)?.value ?? null).filter((value) => value !== null);
    return values.length === run.domains.length && values.length > 0 ? [{ name, role, mean: sum(values) / values.length }] : [];
  });
  const base = means.find(({ role }) => role === "base")?.mean ?? null;
  const candidates = means.filter(({ role }) => role !== "base");
  const best = candidates.find(({ role }) => role === "merged") ?? candidates.toSorted((a, b) => b.mean - a.mean)[0] ?? means[0];
  return best ? { policy: best.name, mean: best.mean, base: best.role === "base" ? null : base } : null;
}

/** The domain in which that policy is worst. */
export function weakest(curves: Curves, run: Pick<Run, "policies" | "domains">): Weakest | null {
  const policy = bestPolicy(curves, run)?.policy;
  if (policy === undefined) return null;
  const known = run.domains.flatMap((domain): Weakest[] => {
    const point = newest(curves, policy, domain);
    return point?.value == null ? [] : [{ policy, domain, step: point.step, accuracy: point.value, error: point.se === null ? null : Z95 * point.se }];
  });
  return known.toSorted((a, b) => a.accuracy - b.accuracy)[0] ?? null;
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

function newest(curves: Curves, policy: string, domain: string): Point | undefined {
  return curves.get(`capability|${policy}||${domain}`)?.points.findLast((point) => point.value !== null);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
