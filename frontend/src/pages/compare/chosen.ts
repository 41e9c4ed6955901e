/** Which runs are compared, as the URL says it: ids with commas between. An empty place keeps the looks of those after it. Pure. */
import type { Compared } from "../../api/compare";

export const MOST = 32;

/** "a,,b" is a in place 0 and b in place 2. What is no id, comes twice or is too much is left out. */
export function readRuns(text: string): Compared[] {
  const seen = new Set<string>();
  return text
    .split(",")
    .slice(0, MOST)
    .map((id, place) => ({ id: id.trim(), place }))
    .filter(({ id }) => /^[A-Za-z0-9_-]{1,64}$/.test(id) && !seen.has(id) && seen.add(id));
}

export function writeRuns(runs: readonly Compared[]): string {
  const places: string[] = [];
  for (const { id, place } of runs) places[place] = id;
  return Array.from(places, (id) => id ?? "").join();
}

/** With one more, in the first place that is free. */
export function withRun(runs: readonly Compared[], id: string): Compared[] {
  if (runs.some((run) => run.id === id) || runs.length >= MOST) return [...runs];
  const taken = new Set(runs.map(({ place }) => place));
  let place = 0;
  while (taken.has(place)) place += 1;
  return [...runs, { id, place }].sort((a, b) => a.place - b.place);
}

export function withoutRun(runs: readonly Compared[], id: string): Compared[] {
  return runs.filter((run) => run.id !== id);
}
