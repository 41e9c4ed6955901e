import { describe, expect, it } from "vitest";
import { readRuns, withoutRun, withRun, writeRuns } from "./chosen";

describe("the compared runs in the URL", () => {
  it("keep their places, and so their looks, when others come and go", () => {
    const runs = readRuns("aa,bb,cc");
    const fewer = withoutRun(runs, "bb");
    expect(writeRuns(fewer)).toBe("aa,,cc");
    expect(readRuns("aa,,cc")).toEqual([{ id: "aa", place: 0 }, { id: "cc", place: 2 }]);
    expect(withRun(fewer, "dd")).toEqual([{ id: "aa", place: 0 }, { id: "dd", place: 1 }, { id: "cc", place: 2 }]);
    expect(withRun(runs, "bb")).toEqual(runs);
  });

  it("are few, each once, and ids", () => {
    expect(readRuns("a,a,<b>, c")).toEqual([{ id: "a", place: 0 }, { id: "c", place: 3 }]);
    expect(readRuns(Array.from({ length: 40 }, (_, i) => `r${i}`).join())).toHaveLength(32);
    expect(readRuns("")).toEqual([]);
  });
});
