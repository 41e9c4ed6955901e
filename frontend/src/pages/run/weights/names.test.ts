import { expect, it } from "vitest";
import { shortName } from "./names";

it("names an edge as charts and the log do, and another field as its control", () => {
  expect(["w.image.text", "w_schedule.image.text.end", "optimizer.lr"].map(shortName)).toEqual(["image ← text", "image ← text, end of its schedule", "Learning rate"]);
});
