import { describe, expect, it } from "vitest";
import type { Point } from "../live/curves";
import { thin } from "./thin";

const curve = (n: number, value: (step: number) => number | null): Point[] =>
  Array.from({ length: n }, (_, step) => ({ step, value: value(step), se: null, attempt: 1, time: null }));

describe("thinning", () => {
  it("keeps the ends and the true extremes, ascending, within the limit", () => {
    for (let spike = 7; spike < 5_000; spike += 311) {
      const points = curve(5_000, (step) => (step === spike ? 50 : step === 4_999 - spike ? -50 : Math.sin(step)));
      const kept = thin(points, 400);
      const values = kept.map((p) => p.value ?? 0);
      expect(kept.length).toBeLessThanOrEqual(400);
      expect([kept[0]?.step, kept.at(-1)?.step]).toEqual([0, 4_999]);
      expect([Math.min(...values), Math.max(...values)]).toEqual([-50, 50]);
      expect(kept.map((p) => p.step)).toEqual([...kept.map((p) => p.step)].sort((a, b) => a - b));
    }
  });

  it("leaves a short curve alone", () => {
    const points = curve(100, Math.sin);
    expect(thin(points, 100)).toBe(points);
  });

  it("keeps drawn points where they are while the curve grows within its bins", () => {
    const kept = new Set(thin(curve(2_000, Math.sin), 400).map((p) => p.step));
    const later = new Set(thin(curve(2_030, Math.sin), 400).map((p) => p.step));
    const lost = [...kept].filter((step) => step < 1_984 && !later.has(step));
    expect(lost).toEqual([]);
  });
});
