import { describe, expect, it } from "vitest";
import { commandsOf } from "./actions";
import type { Run } from "./types";

describe("the commands a run takes", () => {
  it.each([
    ["running", ["pause", "cancel"], ["pause", "cancel"]],
    ["pausing", ["resume", "cancel"], ["resume", "force", "cancel"]],
    ["failed", ["retry"], ["retry", "reseed"]],
    ["completed", [], []],
  ] as const)("while %s", (state, allowed, expected) => {
    const run = { state, allowed: [...allowed] } as unknown as Run;
    expect(commandsOf(run).map(({ what }) => what)).toEqual(expected);
  });
});
