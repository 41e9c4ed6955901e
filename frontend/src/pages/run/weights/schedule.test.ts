import { describe, expect, it } from "vitest";
import type { EditView } from "../../../api/types";
import { at, boundEdits, courseAt, endPath, isMoving, line, planned, span, stepsPath, weightPath } from "./schedule";

const edge = { student: "image", teacher: "text" };
const ramp = { w: { image: { text: 2 } }, w_schedule: { image: { text: { end: 0, steps: 10 } } } };
const weight = (spec: Record<string, unknown>, bound: Parameters<typeof courseAt>[2], step: number) => at(courseAt(spec, edge, bound, step), step);

describe("a schedule", () => {
  it("is 1 without a word of the spec, and moves as the spec says from the first step", () => {
    expect([1, 5, 500].map((step) => weight({}, [], step))).toEqual([1, 1, 1]);
    expect([1, 6, 11, 500].map((step) => weight(ramp, [], step))).toEqual([2, 1, 0, 0]);
    expect(planned(ramp, edge)).toEqual({ start: 2, begun: 1, end: 0, steps: 10 });
  });

  it("ends with a new weight, which holds at once and stays", () => {
    const bound = [{ path: weightPath(edge), value: 0.5, step: 6 }];
    expect([5, 6, 50].map((step) => weight(ramp, bound, step))).toEqual([1.2, 0.5, 0.5]);
  });

  it("edited under way begins with the weight of that moment", () => {
    const bound = [
      { path: endPath(edge), value: 3, step: 6 },
      { path: stepsPath(edge), value: 4, step: 6 },
    ];
    expect([6, 8, 10, 99].map((step) => weight(ramp, bound, step))).toEqual([1, 2, 3, 3]);
    expect(isMoving(courseAt(ramp, edge, bound, 8), 8)).toBe(true);
    expect(isMoving(courseAt(ramp, edge, bound, 10), 10)).toBe(false);
  });

  it("can follow a new weight of the same step", () => {
    const bound = [
      { path: weightPath(edge), value: 0.4, step: 6 },
      { path: endPath(edge), value: 0, step: 6 },
      { path: stepsPath(edge), value: 4, step: 6 },
    ];
    expect([6, 8, 10].map((step) => weight({}, bound, step))).toEqual([0.4, 0.2, 0]);
  });

  it("does not hear of other edges", () => {
    expect(weight(ramp, [{ path: "w.text.image", value: 9, step: 1 }], 6)).toBe(1);
  });
});

describe("the line of a weight", () => {
  it("has every bend, and both sides of a jump", () => {
    expect(line(ramp, edge, [], 20)).toEqual([{ step: 1, weight: 2 }, { step: 11, weight: 0 }, { step: 20, weight: 0 }]);
    const jump = line({}, edge, [{ path: weightPath(edge), value: 0.3, step: 7 }], 9);
    expect(jump).toEqual([{ step: 1, weight: 1 }, { step: 7, weight: 1 }, { step: 7, weight: 0.3 }, { step: 9, weight: 0.3 }]);
  });
});

describe("the picture of a course", () => {
  it("spans its bend and as much again, within the plan", () => {
    const course = { start: 1, begun: 1, end: 0, steps: 99 };
    expect(span(course, 20, 1000)).toBe(200);
    expect(span(course, 20, 150)).toBe(150);
    expect(span({ ...course, end: 1 }, 40, 1000)).toBe(80);
    expect(span(course, 0, 0)).toBe(2);
  });
});

describe("the edits of an edge", () => {
  const edit: EditView = {
    version: 2,
    kind: "value",
    path: "w.image.text",
    old: 1,
    value: 0.3,
    round: null,
    author: "ann",
    requested_at: "2026-01-01T10:00:00Z",
    acknowledged_at: null,
    effective: [],
    expected: null,
  };

  it("hold from where they took effect, and else from the next step", () => {
    const effective = [{ policy: "image", step: 37, at: "2026-01-01T10:00:07Z" }];
    expect(boundEdits([edit, { ...edit, effective }, { ...edit, path: "w.text.image" }], edge, 50).map((b) => b.step)).toEqual([50, 37]);
  });
});
