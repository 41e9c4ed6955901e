import { expect, test } from "vitest";
import { toLanes } from "./lanes";

const segment = (kind: string, policy: string, round: number, step: number, steps = 0) => ({ key: `${kind}.${policy}@${step}`, kind, policy, round, step, steps, needs: [] });

test("parts of a phase are one block, evaluations of a step one mark", () => {
  const { lanes, rounds, total, end } = toLanes([
    segment("evaluate", "base", 0, 0),
    segment("evaluate", "base", 0, 0),
    segment("rlvr", "text", 0, 0, 36),
    segment("opd", "text", 0, 36, 4),
    segment("opd", "text", 0, 40, 4),
    segment("merge", "merged", 0, 44),
    segment("rlvr", "text", 1, 44, 36),
  ]);
  expect(lanes.map((lane) => lane.policy)).toEqual(["base", "text", "merged"]);
  expect(lanes[0]?.marks).toEqual([{ kind: "evaluate", round: 0, step: 0, count: 2 }]);
  expect(lanes[1]?.blocks).toEqual([
    { kind: "rlvr", round: 0, from: 0, to: 36, parts: 1 },
    { kind: "opd", round: 0, from: 36, to: 44, parts: 2 },
    { kind: "rlvr", round: 1, from: 44, to: 80, parts: 1 },
  ]);
  expect(rounds).toEqual([0, 44]);
  expect([total, end]).toEqual([2, 80]);
});

test("a plan of very many rounds is drawn in part and says so", () => {
  const plan = toLanes(Array.from({ length: 1000 }, (_, round) => segment("rlvr", "text", round, round * 10, 10)));
  expect(plan.total).toBe(1000);
  expect(plan.lanes[0]?.blocks.length).toBe(plan.rounds.length);
  expect(plan.end).toBe(plan.rounds.length * 10);
});
