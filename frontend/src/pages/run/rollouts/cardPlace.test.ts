import { expect, test } from "vitest";
import { cardPlace } from "./cardPlace";

const VIEWPORT = { clientWidth: 380, clientHeight: 800 };
const CARD = { width: 300, height: 200 };
const token = (left: number, top: number) => ({ left, top, bottom: top + 20 });

test("the card lies under its token, or above where there is no room below", () => {
  expect(cardPlace(token(20, 100), CARD, VIEWPORT)).toEqual({ left: 20, top: 126 });
  expect(cardPlace(token(20, 700), CARD, VIEWPORT)).toEqual({ left: 20, top: 494 });
});

test("it never leaves the viewport, nor lies under the header", () => {
  expect(cardPlace(token(350, 100), CARD, VIEWPORT).left).toBe(72);
  expect(cardPlace(token(-30, 100), CARD, VIEWPORT).left).toBe(8);
  expect(cardPlace(token(20, 150), CARD, { clientWidth: 800, clientHeight: 360 })).toEqual({ left: 20, top: 152 });
  expect(cardPlace(token(20, 10), CARD, { clientWidth: 800, clientHeight: 200 }).top).toBe(64);
});
