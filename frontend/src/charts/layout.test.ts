import { expect, it } from "vitest";
import type { Figure } from "../api/types";
import { PLAIN_VIEW } from "./drawing";
import { layoutOf } from "./layout";

it("leaves out the edits of a run whose curve is hidden, and no other", () => {
  const marks = [{ name: "edit r1" }, { name: "edit r11" }, { name: "edit" }, { name: "base" }];
  const layout = { xaxis: { type: "linear" }, shapes: marks, annotations: marks };
  const figure: Figure = { name: "f", cursor: "", title: "", help: "", unit: "", summary: "", series: [], data: [], layout };
  const names = (hidden: string[]): unknown => {
    const { shapes, annotations } = layoutOf(figure, {}, { ...PLAIN_VIEW, hidden }, false);
    expect(annotations).toEqual(shapes);
    return (shapes as { name: string }[]).map(({ name }) => name);
  };
  expect(names([])).toEqual(["edit r1", "edit r11", "edit", "base"]);
  expect(names(["r1"])).toEqual(["edit r11", "edit", "base"]);
});
