import { describe, expect, it } from "vitest";
import { move } from "./grid";

const from = (key: string, row: number, column: number, withControl = false) => {
  const place = move(key, withControl, { row, column }, 3, 4);
  return place && [place.row, place.column];
};

describe("a key in the grid", () => {
  it("moves one cell, and never out of the grid", () => {
    expect(from("ArrowRight", 1, 1)).toEqual([1, 2]);
    expect(from("ArrowLeft", 1, 1)).toEqual([1, 0]);
    expect(from("ArrowUp", 1, 1)).toEqual([0, 1]);
    expect(from("ArrowDown", 1, 1)).toEqual([2, 1]);
    expect(from("ArrowRight", 1, 3)).toEqual([1, 3]);
    expect(from("ArrowLeft", 1, 0)).toEqual([1, 0]);
    expect(from("ArrowUp", 0, 1)).toEqual([0, 1]);
    expect(from("ArrowDown", 2, 1)).toEqual([2, 1]);
  });

  it("leads to the ends of the row, and with Control to those of the grid", () => {
    expect(from("Home", 1, 2)).toEqual([1, 0]);
    expect(from("End", 1, 2)).toEqual([1, 3]);
    expect(from("Home", 1, 2, true)).toEqual([0, 0]);
    expect(from("End", 1, 2, true)).toEqual([2, 3]);
    expect(from("PageUp", 2, 2)).toEqual([0, 2]);
    expect(from("PageDown", 0, 2)).toEqual([2, 2]);
  });

  it("that does not move is left alone", () => {
    for (const key of ["Enter", "Tab", "Escape", "a", "5"]) expect(from(key, 1, 1)).toBeNull();
  });
});
