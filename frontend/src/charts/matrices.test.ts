import { describe, expect, it } from "vitest";
import { asOf, olderStep, pick, told, type History } from "./matrices";

const names = { students: ["text", "image"], teachers: ["text", "image"] };
const matrix = (a: number | null, b: number | null) => [
  [null, a],
  [b, null],
];
const history = (steps: number[]): History => ({ ...names, steps, values: steps.map((step) => matrix(1 - step / 1000, 0.9)) });

describe("the matrices shown", () => {
  it("are all there are, up to twelve", () => {
    expect(pick(history([12, 24]), null).map((s) => s.step)).toEqual([12, 24]);
    expect(pick(history([]), null)).toEqual([]);
  });

  it("are else spread evenly, with the first, the newest and the one to keep", () => {
    const steps = Array.from({ length: 101 }, (_, i) => i);
    const shown = pick(history(steps), 3).map((s) => s.step);
    expect(shown).toHaveLength(12);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    expect(shown).toEqual(expect.arrayContaining([0, 3, 100]));
    expect(pick(history(steps), null)).toHaveLength(12);
    expect(pick(history(steps), 100).length).toBeGreaterThanOrEqual(11);
  });
});

describe("the matrix as of a step", () => {
  const measured = { ...names, steps: [12, 24, 36], values: [matrix(0.9, 0.8), matrix(0.7, null), matrix(null, 0.6)] };

  it("has every pair's newest value by then, and says when it was measured", () => {
    expect(asOf(measured, 30)).toEqual({ step: 24, matrix: matrix(0.7, 0.8), measured: matrix(24, 12) });
    expect(asOf(measured)).toEqual({ step: 36, matrix: matrix(0.7, 0.6), measured: matrix(24, 36) });
  });

  it("names the step of the cells that are older", () => {
    const shown = asOf(measured)!;
    expect([olderStep(shown, 0, 1), olderStep(shown, 1, 0), olderStep(shown, 0, 0)]).toEqual([24, null, null]);
  });

  it("is none before the first", () => {
    expect(asOf(measured, 11)).toBeNull();
    expect(asOf({ ...names, steps: [], values: [] })).toBeNull();
  });
});

describe("a matrix in words", () => {
  it("has its mean and its least alike pair, the student first", () => {
    expect(told(matrix(0.9, 0.7), names)).toEqual({ mean: 0.8, lowest: { student: "image", teacher: "text", value: 0.7 } });
    expect(told(matrix(null, null), names)).toBeNull();
  });
});
