import { describe, expect, it } from "vitest";
import { blocksOf, followed, scrollBy, spanOf } from "./rows";

describe("the rows that are drawn", () => {
  it("are few, whatever the list's length, and hold all that is on screen", () => {
    for (const total of [0, 1, 7, 200, 10_000, 1_000_000]) {
      for (const top of [-300, 0, 59, 60, 12_345, total * 60 - 900, total * 60, 9e7]) {
        const { first, end } = spanOf(top, 900, 60, total);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(Math.max(total, first));
        expect(end - first).toBeLessThanOrEqual(900 / 60 + 1 + 2 * 6);
        for (let y = Math.max(0, top); y < Math.min(top + 900, total * 60); y += 30) {
          const row = Math.floor(y / 60);
          expect(row >= first && row < end).toBe(true);
        }
      }
    }
  });

  it("come in the blocks that hold them", () => {
    expect(blocksOf({ first: 0, end: 0 }, 50)).toEqual([0]);
    expect(blocksOf({ first: 44, end: 50 }, 50)).toEqual([0]);
    expect(blocksOf({ first: 44, end: 51 }, 50)).toEqual([0, 1]);
    expect(blocksOf({ first: 9_950, end: 10_000 }, 50)).toEqual([199]);
  });
});

describe("scrolling to a row", () => {
  it("goes no further than it must, past what covers the edges", () => {
    expect(scrollBy(5, 60, 0, 900, 100, 80)).toBe(0);
    expect(scrollBy(1, 60, 0, 900, 100, 80)).toBe(-40);
    expect(scrollBy(14, 60, 0, 900, 100, 80)).toBe(15 * 60 - 820);
  });
});

describe("a row's place", () => {
  const rows = new Map([[3, { id: "c" }], [4, { id: "d" }], [5, { id: "e" }]]);
  it("follows its run when others come before it, and stays when it is out of sight", () => {
    expect(followed("d", 4, rows)).toBe(4);
    expect(followed("d", 3, rows)).toBe(4);
    expect(followed("gone", 4, rows)).toBe(4);
  });
});
