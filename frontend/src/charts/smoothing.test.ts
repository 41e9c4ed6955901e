import { describe, expect, it } from "vitest";
import type { Point } from "../live/curves";
import { MOST_SMOOTHING, parseSmoothing, smoothed, USUAL_SMOOTHING, usualSpacing } from "./smoothing";

const at = (steps: number[], value: (step: number) => number | null): Point[] =>
  steps.map((step) => ({ step, value: value(step), se: null, attempt: 1, time: null }));
const steps = (n: number, by = 1): number[] => Array.from({ length: n }, (_, i) => i * by);
const values = (points: Point[]): (number | null)[] => points.map((p) => p.value);

describe("smoothing", () => {
  it("leaves a level curve level, from its first point on", () => {
    for (const value of values(smoothed(at(steps(50), () => 3), 0.99, 1))) expect(value).toBeCloseTo(3, 12);
  });

  it("is the debiased exponential mean", () => {
    const w = 0.6;
    const [a, b, c] = [1, 5, 2];
    const out = values(smoothed(at([0, 1, 2], (step) => [a, b, c][step] ?? 0), w, 1));
    expect(out[0]).toBeCloseTo(a, 12);
    expect(out[1]).toBeCloseTo((w * a + b) / (w + 1), 12);
    expect(out[2]).toBeCloseTo((w * w * a + w * b + c) / (w * w + w + 1), 12);
  });

  it("changes nothing with weight 0", () => {
    const points = at(steps(20), Math.sin);
    expect(values(smoothed(points, 0, 1))).toEqual(values(points));
  });

  it("is what the address says, the usual where that is no number", () => {
    const weights = ["0", "0.25", "7", "-1", "strong"].map(parseSmoothing);
    expect(weights).toEqual([0, 0.25, MOST_SMOOTHING, 0, USUAL_SMOOTHING]);
  });

  it("counts ways in the usual spacing, so that a thinned curve is smoothed alike", () => {
    const sparse = at(steps(30, 4), Math.sin);
    const dense = at(steps(30), (step) => Math.sin(4 * step));
    expect(usualSpacing(sparse)).toBe(4);
    expect(values(smoothed(sparse, 0.8, 4))).toEqual(values(smoothed(dense, 0.8, 1)));
  });

  it("keeps missing values missing and draws no line across a pause", () => {
    const out = smoothed(at([0, 1, 2, 60, 61], (step) => (step === 1 ? null : step)), 0.9, 1);
    expect(out.map((p) => [p.step, p.value === null])).toEqual([[0, false], [1, true], [2, false], [3, true], [60, false], [61, false]]);
    expect(out[4]?.value).toBe(60);
  });

  it("never changes what came before when points are added", () => {
    const points = at([...steps(40), 90, 91, 92], (step) => Math.cos(step) * step);
    for (const n of [1, 5, 39, 41]) expect(smoothed(points, 0.9, 1).slice(0, smoothed(points.slice(0, n), 0.9, 1).length)).toEqual(smoothed(points.slice(0, n), 0.9, 1));
  });
});
