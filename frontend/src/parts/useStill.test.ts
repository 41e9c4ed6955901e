import { expect, it } from "vitest";
import { still } from "./useStill";

it("keeps what is held in its place, as it is now", () => {
  const held = [{ id: "a", pinned: false }, { id: "b", pinned: false }];
  const live = [{ id: "new", pinned: false }, { id: "b", pinned: true }];
  expect(still(held, live, ({ id }) => id)).toEqual([{ id: "a", pinned: false }, { id: "b", pinned: true }]);
});
