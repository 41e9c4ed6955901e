import { expect, test } from "vitest";
import { basisOf, short } from "./Estimates";

test.each([
  [0, "0"],
  [9_999, "9,999"],
  [10_000, "10 k"],
  [1_145_792, "1.1 M"],
  [999_600, "1.0 M"],
  [7_615_616_512, "7.6 B"],
])("%d is written %s", (value, text) => expect(short(value)).toBe(text));

test("each number says what it is from, or why there is none", () => {
  const unknown = { parameters: null, trainable: null, parameters_from: "not known: the model is on the hub", memory: null, tokens: 1, seconds: null, workers: 1, seconds_from: [] };
  expect(basisOf(unknown).join(" ")).toMatch(/not known: the model is on the hub\..*until a run of this model has trained here/);
  const memory = { total: 9, weights: 1, gradients: 2, optimizer: 3, teachers: 3, activations: null };
  const known = { ...unknown, parameters: 100, trainable: 10, parameters_from: "headers", memory, seconds: 5, workers: 2, seconds_from: ["A", "B"] };
  expect(basisOf(known).join(" ")).toMatch(/counted from headers\. 10 of them train.*at least: weights 1 B.*Activations are not known.*speed of A and B, for 2 workers at once/);
});
