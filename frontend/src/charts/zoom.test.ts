import { describe, expect, it } from "vitest";
import type { Figure } from "../api/types";
import { NO_CURVES, upsert, type Point } from "../live/curves";
import { formatRange, parseRange, rangeOf, stepWindow, windowed } from "./zoom";

const series = { name: "reward", policy: "text", peer: null, domain: null };
const key = "reward|text||";
const clock = (step: number): string => new Date(Date.UTC(2026, 0, 1) + 1000 * step).toISOString();
const point = (step: number, value = step, attempt = 1): Point => ({ step, value, se: null, attempt, time: clock(step) });

function figure(steps: number[], x: unknown[] = steps, mode = "append"): Figure {
  const meta = { mode, series, step: steps, attempt: steps.map(() => 1), total: 10_000 };
  return { name: "reward", cursor: "", title: "", help: "", unit: "", summary: "", series: ["reward"], data: [{ x, y: steps, meta }], layout: {} };
}

describe("a zoom", () => {
  it("is the same after a way through the address", () => {
    expect(parseRange(formatRange([12.5, 80]))).toEqual([12.5, 80]);
    expect(formatRange(null)).toBe("");
    expect(formatRange([12.34567, 80])).toBe("12.35~80");
    expect(parseRange(formatRange([0.0251, 0.0274]))).toEqual([0.0251, 0.0274]);
    for (const bad of ["", "1", "5~5", "9~2", "a~b", "1~2~3", "~4", "1~Infinity"]) expect(parseRange(bad)).toBeNull();
  });

  it("is read from what Plotly says, on every axis", () => {
    expect(rangeOf({ "xaxis.range[0]": 3, "xaxis.range[1]": 9 })).toEqual([3, 9]);
    expect(rangeOf({ "xaxis.range": [3, 9] })).toEqual([3, 9]);
    expect(rangeOf({ "xaxis.range[0]": "2026-01-01", "xaxis.range[1]": "2026-01-01 00:00:02.5" })).toEqual([Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1) + 2500]);
    expect(rangeOf({ "xaxis.autorange": true })).toBeNull();
    expect(rangeOf({ autosize: true })).toBeUndefined();
  });

  it("asks for its steps and one more on each side", () => {
    expect(stepWindow(figure([0]), NO_CURVES, "step", [10.4, 20.2])).toEqual({ start: 9, stop: 22 });
    expect(stepWindow(figure([0]), NO_CURVES, "step", [-5, 3])).toEqual({ start: 0, stop: 4 });
    const curves = upsert(NO_CURVES, [{ key, points: Array.from({ length: 50 }, (_, i) => point(i)) }]);
    expect(stepWindow(figure([0], [clock(0)]), curves, "time", [Date.parse(clock(10)), Date.parse(clock(20))])).toEqual({ start: 9, stop: 21 });
    expect(stepWindow(figure([1, 5, 9], [100, 500, 900], "replace"), NO_CURVES, "tokens", [400, 950])).toEqual({ start: 4, stop: 10 });
    expect(stepWindow(figure([1], [100], "replace"), NO_CURVES, "tokens", [400, 950])).toBeNull();
  });

  it("holds what was fetched and what the stream brings into it, and nothing else", () => {
    const select = windowed(figure([10, 11, 12]), "step", { start: 9, stop: 14 });
    let curves = upsert(NO_CURVES, [{ key, points: [point(4), point(8)] }]);
    expect(select(curves).get(key)?.points.map((p) => p.step)).toEqual([10, 11, 12]);
    curves = upsert(curves, [{ key, points: [point(13), point(14), point(15)] }]);
    expect(select(curves).get(key)?.points.map((p) => p.step)).toEqual([10, 11, 12, 13, 14]);
    const held = select(curves);
    expect(select(upsert(curves, [{ key, points: [point(16)] }]))).toBe(held);
    curves = upsert(curves, [{ key, points: [point(11, 99, 2)] }]);
    expect(select(curves).get(key)?.points.map((p) => p.value)).toEqual([10, 99, 12, 13, 14]);
  });
});
