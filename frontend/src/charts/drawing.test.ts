import { describe, expect, it } from "vitest";
import type { Figure } from "../api/types";
import { NO_CURVES, upsert, type Point } from "../live/curves";
import { drawnNow, isEmpty, needsServer, plan, pointsOf, thinned, traces } from "./drawing";

const series = { name: "reward", policy: "text", peer: null, domain: null };
const key = "reward|text||";
const point = (step: number, value: number, attempt = 1): Point => ({ step, value, se: null, attempt, time: null });

function figure(meta: Record<string, unknown> = {}, trace: Record<string, unknown> = {}): Figure {
  return {
    name: "reward",
    cursor: "1-0",
    title: "",
    help: "",
    unit: "",
    range: null,
    summary: "",
    series: ["reward"],
    data: [{ x: [1, 2], y: [0.1, 0.2], ...trace, meta: { mode: "append", series, step: [1, 2], attempt: [1, 1], total: 2, ...meta } }],
    layout: {},
  };
}

describe("a chart", () => {
  it("loads, draws once, then only appends", () => {
    const reward = figure();
    let curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    expect(plan(null, reward, curves, "step")).toEqual({ kind: "draw" });
    const drawn = drawnNow(reward, curves);
    expect(plan(drawn, reward, curves, "step")).toEqual({ kind: "none" });
    curves = upsert(curves, [{ key, points: [point(3, 0.3)] }]);
    expect(plan(drawn, reward, curves, "step")).toEqual({ kind: "extend", traces: [0], x: [[3]], y: [[0.3]] });
  });

  it("draws nothing that is not in the store, so that what is loaded later is not drawn twice", () => {
    const reward = figure();
    expect(traces(reward, NO_CURVES, "step")[0]).toMatchObject({ x: [], y: [] });
    const curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    expect(plan(drawnNow(reward, NO_CURVES), reward, curves, "step")).toMatchObject({ kind: "extend", x: [[1, 2]] });
  });

  it("draws anew when an attempt replaces what is drawn", () => {
    const reward = figure();
    const curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    const replaced = upsert(curves, [{ key, points: [point(2, 0.9, 2)] }]);
    expect(plan(drawnNow(reward, curves), reward, replaced, "step")).toEqual({ kind: "draw" });
    expect(traces(reward, replaced, "step")[0]).toMatchObject({ x: [1, 2], y: [0.1, 0.9] });
  });

  it("carries intervals through the store", () => {
    const capability = figure({ error_scale: 2 }, { error_y: { type: "data", array: [0.2, 0.4] } });
    const curves = upsert(NO_CURVES, pointsOf(capability, "step"));
    expect(curves.get(key)?.points.map((p) => p.se)).toEqual([0.1, 0.2]);
    expect(traces(capability, curves, "step")[0]).toMatchObject({ error_y: { type: "data", array: [0.2, 0.4] } });
    const longer = upsert(curves, [{ key, points: [{ ...point(3, 0.3), se: 0.3 }] }]);
    expect(plan(drawnNow(capability, curves), capability, longer, "step")).toEqual({ kind: "draw" });
  });

  it("asks the server only for a series it does not follow", () => {
    const reward = figure();
    const curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    const more = upsert(curves, [{ key, points: [point(3, 1)] }]);
    expect(needsServer(reward, curves, more)).toBe(false);
    const other = upsert(more, [{ key: "reward|image||", points: [point(1, 1)] }]);
    expect(needsServer(reward, curves, other)).toBe(true);
    expect(needsServer({ ...reward, series: ["overlap"] }, curves, other)).toBe(false);
  });

  it("says how many points it shows, and whether it has any", () => {
    expect(thinned(figure())).toBeNull();
    expect(thinned(figure({ total: 5000 }))).toEqual({ drawn: 2, total: 5000 });
    expect(isEmpty(figure({ step: [] }), NO_CURVES)).toBe(true);
    expect(isEmpty(figure({ mode: "replace" }), NO_CURVES)).toBe(false);
  });
});
