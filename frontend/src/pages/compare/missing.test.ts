import { expect, test } from "vitest";
import type { Figure } from "../../api/types";
import { missingText } from "./missing";

const run = (id: string, domains = ["text", "image"]) => ({ id, name: `Run ${id}`, domains });
const figure = (name: string, ...runs: string[]) => ({ name, data: runs.map((id) => ({ legendgroup: id, x: [1], y: [1] })) }) as unknown as Figure;

test("a run without points is named once, however many charts it is missing from", () => {
  const figures = [figure("capability.text", "a"), figure("overlap", "a"), figure("reward", "a", "b")];
  expect(missingText([run("a"), run("b")], figures)).toEqual(["No points yet in some charts: Run b."]);
  expect(missingText([run("a"), run("b"), run("c")], figures)).toEqual(["No points yet in some charts: Run b, Run c."]);
});

test("what a run will never have is not awaited", () => {
  const figures = [figure("capability.text", "a", "b"), figure("capability.image", "a")];
  expect(missingText([run("a"), run("b", ["text"])], figures)).toEqual(["Run b has no domain image."]);
});

test("nothing is said where every run is there, or a chart is empty and says so itself", () => {
  expect(missingText([run("a"), run("b")], [figure("reward", "a", "b"), figure("overlap")])).toEqual([]);
});
