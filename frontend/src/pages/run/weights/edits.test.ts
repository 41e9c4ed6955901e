import { describe, expect, it } from "vitest";
import type { EditView } from "../../../api/types";
import { effectText, parseSwitch, parseValue, pendingEdit, stageOf } from "./edits";

const edit: EditView = {
  version: 2,
  kind: "value",
  path: "w.image.text",
  old: 1,
  value: 0.3,
  round: null,
  author: "ada",
  requested_at: "2026-01-01T00:00:00Z",
  acknowledged_at: null,
  effective: [],
  expected: null,
};
const effect = (policy: string, step: number) => ({ policy, step, at: "2026-01-01T00:00:20Z" });

describe("an edit", () => {
  it("goes from requested over acknowledged to effective", () => {
    expect(stageOf(edit)).toBe("requested");
    const acknowledged = { ...edit, acknowledged_at: "2026-01-01T00:00:01Z" };
    expect(stageOf(acknowledged)).toBe("acknowledged");
    expect(stageOf({ ...acknowledged, effective: [effect("image", 37)] })).toBe("effective");
  });

  it("is pending only while it is the newest of its path and has not acted", () => {
    const acted = { ...edit, effective: [effect("image", 37)] };
    const newer = { ...edit, version: 3, value: 0.5 };
    expect(pendingEdit([edit], "w.image.text")).toBe(edit);
    expect(pendingEdit([acted], "w.image.text")).toBeNull();
    expect(pendingEdit([acted, newer], "w.image.text")).toBe(newer);
    expect(pendingEdit([edit], "optimizer.lr")).toBeNull();
  });

  it("names the steps at which it acted", () => {
    expect(effectText({ ...edit, effective: [effect("image", 37)] })).toBe("at step 37");
    const lr = { ...edit, path: "optimizer.lr" };
    expect(effectText({ ...lr, effective: [effect("text", 41), effect("image", 41)] })).toBe("at step 41 (text, image)");
    expect(effectText({ ...lr, effective: [effect("text", 40), effect("image", 41)] })).toBe("text at step 40, image at step 41");
  });

  it("of the priority acts at once", () => {
    const priority: EditView = { ...edit, kind: "dispatch", path: "priority", old: 0, value: 5 };
    expect(stageOf(priority)).toBe("effective");
    expect(effectText(priority)).toBe("at once");
    expect(pendingEdit([priority], "priority")).toBeNull();
  });

  it("refuses what is no number or out of range, in words", () => {
    const range = { minimum: 0, maximum: 1000 };
    expect(parseValue(" 0,3 ", range)).toBe(0.3);
    expect(parseValue("1e-4", range)).toBe(1e-4);
    expect(parseValue("-1", range)).toBe("at least 0");
    expect(parseValue("1001", range)).toBe("at most 1000");
    expect(parseValue("much", range)).toBe("a number, please");
    expect(parseValue("", range)).toBe("a number, please");
  });
});

describe("a typed switch", () => {
  it("is true or false, and nothing else", () => {
    expect(["true", " False ", "yes", "1", ""].map(parseSwitch)).toEqual([true, false, ...Array<string>(3).fill("true or false, please")]);
  });
});
