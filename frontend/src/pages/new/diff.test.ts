import { expect, test } from "vitest";
import { changesOf, excerpt, linesOf } from "./diff";
import { randomOf } from "./yaml/random";

test("fields that differ, from and to; a part that comes or goes field by field", () => {
  const before = { name: "a", opd: { steps: 3, hub: "x" }, tags: ["a"], same: { a: [1, { b: 2 }] } };
  const after = { name: "a", opd: { steps: 4 }, tags: ["a", "b"], same: { a: [1, { b: 2 }] }, model: { lora: {} } };
  expect(changesOf(before, after)).toEqual([
    { path: "opd.steps", from: 3, to: 4 },
    { path: "opd.hub", from: "x", to: undefined },
    { path: "tags", from: ["a"], to: ["a", "b"] },
    { path: "model.lora", from: undefined, to: {} },
  ]);
  expect(changesOf(before, structuredClone(before))).toEqual([]);
});

test("of two texts the lines that both have are kept, and both can be put together again", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = randomOf(seed);
    const text = (): string => Array.from({ length: Math.floor(random() * 12) }, () => "abcd"[Math.floor(random() * 4)]).join("\n");
    const [before, after] = [text(), text()];
    const lines = linesOf(before, after);
    const side = (other: string): string => lines.filter(({ kind }) => kind !== other).map((line) => line.text).join("\n");
    expect([side("new"), side("gone")]).toEqual([before, after]);
  }
  expect(linesOf("a\nb\nc", "a\nx\nc").map(({ kind }) => kind)).toEqual(["same", "gone", "new", "same"]);
});

test("of long texts only what is near a change is shown", () => {
  const lines = linesOf("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\nX\n5\n6\n7");
  expect(excerpt(lines, 1).map((line) => line?.text ?? null)).toEqual([null, "3", "4", "X", "5", null]);
});
