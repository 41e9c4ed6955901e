import { describe, expect, it } from "vitest";
import { formatHidden, isolate, parseHidden, toggle } from "./legend";

const names = ["text", "image", "video"];

describe("a click in the legend", () => {
  it("leaves one alone, and brings all back when it is alone", () => {
    expect(isolate(names, [], "text")).toEqual(["image", "video"]);
    expect(isolate(names, ["image", "video"], "text")).toEqual([]);
    expect(isolate(names, ["image", "video"], "video")).toEqual(["text", "image"]);
    expect(isolate(names, names, "video")).toEqual(["text", "image"]);
  });

  it("with a modifier, or twice, switches one", () => {
    expect(toggle(names, [], "text")).toEqual(["text"]);
    expect(toggle(names, ["text", "image"], "text")).toEqual(["image"]);
    expect(toggle(names, ["text", "image"], "video")).toEqual([]);
  });

  it("is kept in the address, whatever the names are", () => {
    for (const hidden of [[], ["a"], ["a~b", "c,d&e", "video ← image"]]) expect(parseHidden(formatHidden(hidden))).toEqual(hidden);
    expect(parseHidden("%E0%A4%A")).toEqual([]);
  });
});
