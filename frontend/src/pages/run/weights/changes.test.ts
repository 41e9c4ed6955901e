import { describe, expect, it } from "vitest";
import type { ControlPreview, PlannedSegment } from "../../../api/types";
import { grouped, planText, staged, whenText, without } from "./changes";

const controls = [
  { path: "w.image.text", value: 1 },
  { path: "seed", value: 0 },
];

describe("changes that wait", () => {
  it("are added, replaced, and taken back by the value that holds", () => {
    const one = staged({}, { "w.image.text": 0.3 }, controls);
    expect(one).toEqual({ "w.image.text": 0.3 });
    expect(staged(one, { "w.image.text": 0.5, seed: 4 }, controls)).toEqual({ "w.image.text": 0.5, seed: 4 });
    expect(staged(one, { "w.image.text": 1 }, controls)).toEqual({});
    expect(staged({}, { "w_schedule.image.text.end": 0 }, controls)).toEqual({ "w_schedule.image.text.end": 0 });
  });

  it("leave when they were asked for", () => {
    expect(without({ a: 1, b: 2 }, ["a"])).toEqual({ b: 2 });
  });

  it("of one schedule stay together", () => {
    const changes = { "w.image.text": 0.3, "w_schedule.image.text.end": 0, "w_schedule.image.text.steps": 50, seed: 4 };
    expect(grouped(changes)).toEqual([
      { key: "w.image.text", changes: { "w.image.text": 0.3 } },
      { key: "w_schedule.image.text", changes: { "w_schedule.image.text.end": 0, "w_schedule.image.text.steps": 50 } },
      { key: "seed", changes: { seed: 4 } },
    ]);
  });
});

describe("a preview in words", () => {
  const segment = { key: "rlvr.text@0" } as PlannedSegment;
  const preview: ControlPreview = { edits: [], added: [], dropped: [], total_steps: 1200, total_steps_before: 1200 };

  it("says nothing of a plan that stays, and else what comes and goes", () => {
    expect(planText(preview)).toBeNull();
    expect(planText({ ...preview, added: [segment, segment], total_steps: 1500 })).toBe("The plan goes from 1,200 to 1,500 steps of all experts: 2 segments come.");
    expect(planText({ ...preview, added: [segment], dropped: [segment] })).toBe("The plan keeps its 1,200 steps of all experts: 1 segment comes, 1 segment goes or changes.");
  });

  it("says when an edit acts, and when it never would", () => {
    expect(whenText({ expected: "acts at once" })).toBe("acts at once");
    expect(whenText({ expected: null })).toContain("never");
    expect(whenText(undefined)).toBe("");
  });
});
