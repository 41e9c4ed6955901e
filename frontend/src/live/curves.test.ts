import { describe, expect, it } from "vitest";
import type { StreamPoints } from "../api/types";
import { batchesOf, NO_CURVES, seriesKey, upsert, type Batch, type Curves, type Point } from "./curves";

/** A small seeded generator: the same cases on every machine. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  return items
    .map((item) => ({ item, rank: next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

interface Sent {
  position: number;
  key: string;
  point: Point;
}

/** The stream of a run in which attempts are lost and repeated, and a lost one goes on talking for a while. */
function history(next: () => number): Sent[] {
  const sent: Sent[] = [];
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    const start = Math.floor(next() * 8);
    for (let step = start; step < start + 8; step += 1) {
      for (const name of ["reward", "overlap"]) {
        const key = seriesKey({ name, policy: "text", peer: null, domain: null });
        sent.push({ position: 0, key, point: { step, value: attempt + step / 100, se: null, attempt, time: null } });
      }
    }
  }
  const order = shuffled(sent, next);
  return order.map((item, i) => ({ ...item, position: i + 1 }));
}

/** What the database holds of the stream up to `cursor`: on (series, step) the higher attempt. */
function database(sent: readonly Sent[], cursor: number): Map<string, Map<number, Point>> {
  const tables = new Map<string, Map<number, Point>>();
  for (const { key, point } of sent.filter((s) => s.position <= cursor)) {
    const rows = tables.get(key) ?? new Map<number, Point>();
    const held = rows.get(point.step);
    if (!held || held.attempt <= point.attempt) rows.set(point.step, point);
    tables.set(key, rows);
  }
  return tables;
}

function fetched(sent: readonly Sent[], cursor: number): Batch[] {
  return [...database(sent, cursor)].map(([key, rows]) => ({ key, points: [...rows.values()].sort((a, b) => a.step - b.step) }));
}

function contents(curves: Curves): Record<string, [number, number | null][]> {
  return Object.fromEntries([...curves].map(([key, curve]) => [key, curve.points.map((p) => [p.step, p.value])]));
}

function truth(sent: readonly Sent[]): Record<string, [number, number | null][]> {
  const all = fetched(sent, Infinity);
  return Object.fromEntries(all.map(({ key, points }) => [key, points.map((p): [number, number | null] => [p.step, p.value])]));
}

describe("the page's store", () => {
  it("equals the database after any interleaving of fetches, stream, repeats and resets", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const next = random(seed);
      const sent = history(next);
      let cursor = Math.floor(next() * sent.length);
      let curves = upsert(NO_CURVES, fetched(sent, cursor));
      while (cursor < sent.length) {
        const what = next();
        if (what < 0.1) {
          cursor = Math.floor(next() * sent.length); // a reset: everything is dropped and fetched anew, from an older or newer position
          curves = upsert(NO_CURVES, fetched(sent, cursor));
        } else if (what < 0.3) {
          curves = upsert(curves, fetched(sent, Math.floor(next() * sent.length))); // a figure fetched late, or one answered out of order
        } else if (what < 0.4) {
          cursor = Math.max(0, cursor - Math.floor(next() * 5)); // a reconnect that sends some events again
        } else {
          const size = 1 + Math.floor(next() * 6);
          const events = sent.slice(cursor, cursor + size);
          curves = upsert(curves, events.map(({ key, point }) => ({ key, points: [point] })));
          cursor += events.length;
        }
      }
      expect(contents(curves)).toEqual(truth(sent));
    }
  });

  it("says whether a chart may append or must draw anew", () => {
    const key = "reward|text||";
    const point = (step: number, attempt = 1): Point => ({ step, value: step, se: null, attempt, time: null });
    const first = upsert(NO_CURVES, [{ key, points: [point(1), point(2)] }]);
    const appended = upsert(first, [{ key, points: [point(3)] }]);
    expect(appended.get(key)?.revision).toBe(first.get(key)?.revision);
    const replaced = upsert(appended, [{ key, points: [{ ...point(2, 2), value: 9 }] }]);
    expect(replaced.get(key)?.revision).toBe((appended.get(key)?.revision ?? 0) + 1);
    expect(replaced.get(key)?.points.map((p) => p.value)).toEqual([1, 9, 3]);
  });

  it("stays the same object when nothing is new", () => {
    const points: Point[] = [{ step: 1, value: 0.5, se: null, attempt: 2, time: null }];
    const curves = upsert(NO_CURVES, [{ key: "a", points }]);
    expect(upsert(curves, [{ key: "a", points }])).toBe(curves);
    expect(upsert(curves, [{ key: "a", points: [{ step: 1, value: 0.1, se: null, attempt: 1, time: null }] }])).toBe(curves);
  });

  it("keys the numbers of an event by series", () => {
    const event: StreamPoints = {
      attempt: 3,
      policy: "image",
      step: 7,
      time: "2026-01-01T00:00:00Z",
      values: [
        { name: "overlap", value: 0.9, peer: "text" },
        { name: "capability", value: null, se: 0.02, domain: "video" },
      ],
    };
    expect(batchesOf(event).map((b) => [b.key, b.points[0]?.value, b.points[0]?.se])).toEqual([
      ["overlap|image|text|", 0.9, null],
      ["capability|image||video", null, 0.02],
    ]);
  });
});
