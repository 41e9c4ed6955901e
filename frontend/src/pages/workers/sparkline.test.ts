import { expect, test } from "vitest";
import { curvePaths, spanOf } from "./sparkline";

test("a line goes from left to right, 1 at the top", () => {
  expect(curvePaths([0, 0.5, 1], [0, 0.5, 1], 1, 100, 12)).toEqual(["M0 11h0.01L50 6L100 1"]);
});

test("where a worker was away the line is broken, and what is too old is not drawn", () => {
  expect(curvePaths([-0.1, 0.1, 0.2, 0.9], [1, 0, 0, 0], 0.2, 100, 12)).toEqual(["M10 11h0.01L20 11", "M90 11h0.01"]);
  expect(curvePaths([0, 0.1, 0.2], [0, null, 0], 1, 100, 12)).toHaveLength(2);
});

test("a share beyond what is possible stays in the picture", () => {
  expect(curvePaths([0], [1.4], 1, 100, 12)).toEqual(["M0 1h0.01"]);
});

test("a worker's lines begin where it did, within the hour that is fetched", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  expect(spanOf(["2026-01-01T11:48:10Z", "2026-01-01T11:59:00Z"], now, 60)).toBe(12);
  expect(spanOf(["2026-01-01T11:59:30Z"], now, 60)).toBe(5);
  expect(spanOf(["2026-01-01T10:59:55Z"], now, 60)).toBe(60);
  expect(spanOf([], now, 60)).toBe(5);
});
