import { describe, expect, it } from "vitest";
import { logFileUrl, logParams, withLines, type LogFilter } from "./log";
import type { LogEntry } from "./types";

const EVERYTHING: LogFilter = { who: "", level: "info", policy: "", attempt: "", q: "" };
const line = (id: number): LogEntry => ({ id, message: `line ${id}` }) as LogEntry;
const held = (...pages: number[][]) => ({ pages: pages.map((ids) => ({ entries: ids.map(line) })), pageParams: [] as unknown[] });
const ids = (data: { pages: { entries: LogEntry[] }[] }): number[][] => data.pages.map((page) => page.entries.map(({ id }) => id));

describe("the filter of the log", () => {
  it("leaves out what filters nothing", () => {
    expect(logParams(EVERYTHING)).toEqual({ level: "info" });
  });

  it("takes only what the server knows from an address anybody may have written", () => {
    expect(logParams({ ...EVERYTHING, who: "people,robots", attempt: "7x" })).toEqual({ level: "info", actors: ["people"] });
    expect(logParams({ ...EVERYTHING, attempt: "7" })).toEqual({ level: "info", attempt: 7 });
  });

  it("is the same for what is taken away", () => {
    expect(logFileUrl("r1", { ...EVERYTHING, who: "people,workers", q: "a&b" }, "jsonl")).toBe("/api/v1/runs/r1/log/file?format=jsonl&level=info&actors=people&actors=workers&q=a%26b");
  });
});

describe("new lines", () => {
  it("go to the end of the newest page, each once and in order", () => {
    expect(ids(withLines(held([4, 5], [1, 2]), [line(5), line(7), line(6)]))).toEqual([
      [4, 5, 6, 7],
      [1, 2],
    ]);
  });

  it("that were committed late find their place", () => {
    expect(ids(withLines(held([4, 6], [1, 2]), [line(5), line(6)]))).toEqual([
      [4, 5, 6],
      [1, 2],
    ]);
  });

  it("older than the newest page belong to pages before it", () => {
    const before = held([4, 5], [1]);
    expect(withLines(before, [line(3), line(4)])).toBe(before);
  });

  it("fill an empty log", () => {
    expect(ids(withLines(held([]), [line(1)]))).toEqual([[1]]);
  });
});
