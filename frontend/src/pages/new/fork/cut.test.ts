import { expect, test } from "vitest";
import type { ControlView, EditView, SegmentView } from "../../../api/types";
import { bestCut, cutText, endedRounds, recipeOf, splitEdits, valueAtCut } from "./cut";

const segment = (kind: string, policy: string, round: number, step: number, steps: number, state = "done"): SegmentView =>
  ({ key: `${kind}.${policy}@${step}`, kind, policy, round, part: 0, step, steps, domain: null, teachers: [], needs: [], state, attempts: 1, lost: 0 }) as SegmentView;

/** Two experts, three rounds of 5 steps each. */
const plan = (done: number): SegmentView[] =>
  [0, 1, 2].flatMap((round) => [
    ...["text", "image"].map((policy) => segment("rlvr", policy, round, 5 * round, 5, round < done ? "done" : "planned")),
    segment("merge", "merged", round, 5 * round + 5, 0, round < done ? "done" : "planned"),
    segment("evaluate", "merged", round, 5 * round + 5, 0, "planned"),
  ]);

const edit = (version: number, path: string, kind: EditView["kind"], value: number, old: number, where: Partial<EditView>): EditView =>
  ({ version, path, kind, value, old, round: null, author: "ann", requested_at: "", acknowledged_at: null, effective: [], ...where }) as EditView;

test("a round has ended when all that trains, merges and measures in it is done; evaluations may be missing", () => {
  expect([0, 1, 2, 3].map((done) => endedRounds(plan(done)))).toEqual([0, 1, 2, 3]);
  expect(endedRounds([])).toBe(0);
  expect([0, 1, 3].map((done) => bestCut(plan(done)))).toEqual([0, 1, 2]);
});

test("edits are kept that had taken effect by then, and the others' fields are as before them", () => {
  const edits = [
    edit(2, "w.text.image", "value", 0.5, 1, { effective: [{ policy: "text", step: 4, at: "" }] }),
    edit(3, "w.text.image", "value", 0.2, 0.5, { effective: [{ policy: "text", step: 6, at: "" }] }),
    edit(4, "rounds", "structure", 4, 3, { round: 2 }),
    edit(5, "priority", "dispatch", 7, 0, {}),
  ];
  const { held, later } = splitEdits(edits, plan(3), 1);
  expect([held.map((e) => e.version), later.map((e) => e.version)]).toEqual([
    [2, 5],
    [3, 4],
  ]);
  const control = { path: "w.text.image", value: 0.2, kind: "value", description: "" } as ControlView;
  expect(valueAtCut(control, later)).toBe(0.5);
  expect(valueAtCut(control, [])).toBe(0.2);
});

test("the recipe of a fork has the kept edits where they took effect, and its own from the cut on", () => {
  const controls = [{ path: "rounds", kind: "structure" }, { path: "opd.steps", kind: "structure" }, { path: "optimizer.lr", kind: "value" }] as ControlView[];
  const held = [edit(2, "w.text.image", "value", 0.5, 1, { effective: [{ policy: "text", step: 4, at: "" }] }), edit(3, "opd.steps", "structure", 2, 5, { round: 0 })];
  expect(recipeOf({ spec: { name: "x" }, controls }, held, { "opd.steps": 9, "optimizer.lr": 0.1, rounds: 5 }, 1)).toEqual({
    spec: { name: "x" },
    edits: [
      { path: "w.text.image", value: 0.5, steps: { text: 4 } },
      { path: "opd.steps", value: 2, round: 0 },
      { path: "rounds", value: 5, round: 1 },
      { path: "opd.steps", value: 9, round: 1 },
      { path: "optimizer.lr", value: 0.1 },
    ],
  });
});

test("it says what is kept and what will be trained", () => {
  const before = plan(3);
  expect(cutText(before, before, 1)).toBe("Keeps 1 of 3 rounds: 5 steps of each expert. Trains 2 rounds more: 10 steps of each expert.");
  expect(cutText(before, before, 0)).toBe("Keeps no round: it begins at the base again. Trains 3 rounds: 15 steps of each expert.");
  expect(cutText(before, before, 3)).toBe("Keeps 3 of 3 rounds: 15 steps of each expert. Nothing is left to train: keep fewer rounds, or raise rounds.");
  const uneven = [segment("rlvr", "text", 0, 0, 5), segment("rlvr", "image", 0, 0, 3), segment("rlvr", "text", 1, 5, 5)];
  expect(cutText(uneven, uneven, 1)).toBe("Keeps 1 of 2 rounds: 8 steps of all experts. Trains 1 round more: 5 steps of text.");
});
