import { describe, expect, it } from "vitest";
import type { RunSummary } from "../../api/types";
import { between, NOTHING, refreshed, toggled, whyNot, withRuns } from "./selection";

const run = (id: string, state = "running"): RunSummary => ({ id, state }) as RunSummary;

describe("a selection", () => {
  it("takes and lets go of one run, and leaves the one before as it was", () => {
    const one = toggled(NOTHING, run("a"));
    expect([...one.keys()]).toEqual(["a"]);
    expect(toggled(one, run("a")).size).toBe(0);
    expect(one.size).toBe(1);
  });

  it("takes many, each once, and no more than an action can take", () => {
    const many = withRuns(toggled(NOTHING, run("b")), ["a", "b", "c", "d"].map((id) => run(id)), 3);
    expect([...many.keys()]).toEqual(["b", "a", "c"]);
  });

  it("knows its runs as they were last seen", () => {
    const before = withRuns(NOTHING, [run("a"), run("b")], 10);
    const after = refreshed(before, [run("b", "completed"), run("z")]);
    expect(after.get("b")?.state).toBe("completed");
    expect([...after.keys()]).toEqual(["a", "b"]);
    expect(refreshed(before, before.values())).toBe(before);
  });

  it("reaches from one row to another in both directions", () => {
    expect(between(2, 5)).toEqual([2, 3, 4, 5]);
    expect(between(5, 2)).toEqual([2, 3, 4, 5]);
    expect(between(3, 3)).toEqual([3]);
  });

  it("says which states keep runs from a command", () => {
    expect(whyNot([run("a", "completed"), run("b", "failed"), run("c", "completed")])).toBe("2 completed, 1 failed");
  });
});
