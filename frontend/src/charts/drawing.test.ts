import { describe, expect, it } from "vitest";
import type { Figure } from "../api/types";
import { NO_CURVES, upsert, type Point } from "../live/curves";
import { advance, isEmpty, isOnlyBase, isPositive, isSmoothable, MOST_POINTS, needsServer, PLAIN_VIEW, pointCount, type Drawn, type Update, type View } from "./drawing";
import { pointsOf } from "./meta";

const series = { name: "reward", policy: "text", peer: null, domain: null };
const key = "reward|text||";
const point = (step: number, value: number | null, attempt = 1): Point => ({ step, value, se: null, attempt, time: null });
const line = (from: number, to: number): Point[] => Array.from({ length: to - from }, (_, i) => point(from + i, Math.sin(from + i)));

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
    data: [
      { name: "text", mode: "lines", x: [1, 2], y: [0.1, 0.2], ...trace, meta: { mode: "append", series, step: [1, 2], attempt: [1, 1], total: 2, ...meta } },
    ],
    layout: {},
  };
}

const drawnData = (update: Update) => (update.kind === "draw" ? update.data : []);

describe("a chart", () => {
  it("loads, draws once, then only appends", () => {
    const reward = figure();
    let curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    const first = advance(null, reward, curves, "step", PLAIN_VIEW);
    expect(drawnData(first.update)[0]).toMatchObject({ x: [1, 2], y: [0.1, 0.2] });
    expect(advance(first.drawn, reward, curves, "step", PLAIN_VIEW).update).toEqual({ kind: "none" });
    curves = upsert(curves, [{ key, points: [point(3, 0.3)] }]);
    const { update, drawn } = advance(first.drawn, reward, curves, "step", PLAIN_VIEW);
    expect(update).toEqual({ kind: "extend", traces: [0], x: [[3]], y: [[0.3]] });
    expect(advance(drawn, reward, curves, "step", PLAIN_VIEW).update.kind).toBe("none");
  });

  it("draws nothing that is not in the store, so that what is loaded later is not drawn twice", () => {
    const reward = figure();
    const first = advance(null, reward, NO_CURVES, "step", PLAIN_VIEW);
    expect(drawnData(first.update)[0]).toMatchObject({ x: [], y: [] });
    const curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    expect(advance(first.drawn, reward, curves, "step", PLAIN_VIEW).update).toMatchObject({ kind: "extend", x: [[1, 2]] });
  });

  it("is drawn as it was fetched where there is no store to follow", () => {
    const { update, drawn } = advance(null, figure(), null, "step", PLAIN_VIEW);
    expect(drawnData(update)[0]).toMatchObject({ x: [1, 2], y: [0.1, 0.2] });
    expect(pointCount(drawn)).toEqual({ drawn: 2, total: 2 });
  });

  it("smooths what was fetched where its points stand, and counts those that are looked at", () => {
    const step = Array.from({ length: 20 }, (_, i) => i + 1);
    const reward = figure({ mode: "replace", step, total: 20 }, { x: step.map((s) => s / 60), y: step.map(Math.sin), legendgroup: "run1" });
    const view: View = { ...PLAIN_VIEW, smoothing: 0.9, range: [0, 0.1] };
    const { update, drawn } = advance(null, reward, null, "time", view);
    const [raw, smooth, ...rest] = drawnData(update);
    expect(rest).toEqual([]);
    expect(raw).toMatchObject({ y: step.map(Math.sin), opacity: 0.25, showlegend: false });
    expect(smooth).toMatchObject({ x: raw?.["x"], legendgroup: "run1", meta: { mode: "smoothed" } });
    expect(smooth?.["y"]).not.toEqual(raw?.["y"]);
    expect(pointCount(drawn)).toEqual({ drawn: 6, total: 20 });
    const measured = figure({ mode: "replace", error_scale: 2 }, { mode: "lines+markers" });
    expect(drawnData(advance(null, measured, null, "step", view).update)).toHaveLength(1);
  });

  it("draws anew when an attempt replaces what is drawn", () => {
    const reward = figure();
    const curves = upsert(NO_CURVES, pointsOf(reward, "step"));
    const { drawn } = advance(null, reward, curves, "step", PLAIN_VIEW);
    const replaced = upsert(curves, [{ key, points: [point(2, 0.9, 2)] }]);
    expect(drawnData(advance(drawn, reward, replaced, "step", PLAIN_VIEW).update)[0]).toMatchObject({ x: [1, 2], y: [0.1, 0.9] });
  });

  it("carries intervals through the store", () => {
    const capability = figure({ error_scale: 2 }, { error_y: { type: "data", array: [0.2, 0.4] } });
    const curves = upsert(NO_CURVES, pointsOf(capability, "step"));
    expect(curves.get(key)?.points.map((p) => p.se)).toEqual([0.1, 0.2]);
    const { update, drawn } = advance(null, capability, curves, "step", PLAIN_VIEW);
    expect(drawnData(update)[0]).toMatchObject({ error_y: { type: "data", array: [0.2, 0.4] } });
    const longer = upsert(curves, [{ key, points: [{ ...point(3, 0.3), se: 0.3 }] }]);
    expect(advance(drawn, capability, longer, "step", PLAIN_VIEW).update.kind).toBe("draw");
  });

  it("shows the smoothed curve before the raw one, and appends to both what drawing anew would show", () => {
    const view: View = { ...PLAIN_VIEW, smoothing: 0.9 };
    const reward = figure();
    let curves = upsert(NO_CURVES, [{ key, points: line(0, 50) }]);
    const first = advance(null, reward, curves, "step", view);
    const [raw, smooth] = drawnData(first.update);
    expect(raw).toMatchObject({ opacity: 0.25, showlegend: false, meta: { mode: "append" } });
    expect(smooth).toMatchObject({ name: "text", mode: "lines", meta: { mode: "smoothed" } });
    curves = upsert(curves, [{ key, points: line(50, 60) }]);
    const { update } = advance(first.drawn, reward, curves, "step", view);
    const anew = drawnData(advance(null, reward, curves, "step", view).update);
    if (update.kind !== "extend") throw new Error(`was ${update.kind}`);
    expect(update.traces).toEqual([0, 1]);
    expect([...(raw?.["y"] as number[]), ...(update.y[0] ?? [])]).toEqual(anew[0]?.["y"]);
    expect([...(smooth?.["y"] as number[]), ...(update.y[1] ?? [])]).toEqual(anew[1]?.["y"]);
  });

  it("smooths points with intervals only when asked to", () => {
    const view: View = { ...PLAIN_VIEW, smoothing: 0.9 };
    const capability = figure({ error_scale: 2 }, { mode: "lines+markers", error_y: { array: [0.2, 0.4] } });
    const curves = upsert(NO_CURVES, pointsOf(capability, "step"));
    expect(drawnData(advance(null, capability, curves, "step", view).update)).toHaveLength(1);
    expect(drawnData(advance(null, capability, curves, "step", { ...view, smoothAll: true }).update)).toHaveLength(2);
  });

  it("never smooths what is set, not measured, nor a stack; dots only where that is asked for", () => {
    const of = (name: string, trace: Record<string, unknown> = {}): boolean[] =>
      [false, true].map((smoothAll) => isSmoothable(figure({ series: { ...series, name } }, trace).data[0] ?? {}, smoothAll));
    expect(of("reward")).toEqual([true, true]);
    for (const set of ["lr", "w", "step_seconds"]) expect(of(set)).toEqual([false, false]);
    expect(of("seconds.update", { stackgroup: "step" })).toEqual([false, false]);
    expect(of("gap", { mode: "markers" })).toEqual([false, true]);
  });

  it("thins a curve that has grown long, keeps its extremes and says so", () => {
    const reward = figure();
    const long = line(0, 5 * MOST_POINTS).map((p) => (p.step === 1234 ? point(p.step, 9) : p));
    const { update, drawn } = advance(null, reward, upsert(NO_CURVES, [{ key, points: long }]), "step", PLAIN_VIEW);
    const values = drawnData(update)[0]?.["y"] as number[];
    expect(values.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(Math.max(...values)).toBe(9);
    expect(pointCount(drawn)).toEqual({ drawn: values.length, total: long.length });
  });

  it("is thinned anew before appended points make it slow", () => {
    const reward = figure();
    let curves = upsert(NO_CURVES, [{ key, points: line(0, MOST_POINTS) }]);
    let drawn: Drawn | null = null;
    let most = 0;
    for (let step = MOST_POINTS; step < 3 * MOST_POINTS; step += 50) {
      curves = upsert(curves, [{ key, points: line(step, step + 50) }]);
      ({ drawn } = advance(drawn, reward, curves, "step", PLAIN_VIEW));
      most = Math.max(most, pointCount(drawn).drawn);
    }
    expect(most).toBeLessThanOrEqual(1.25 * MOST_POINTS);
  });

  it("turns many markers into a line that is broken where the curve pauses", () => {
    const gap = figure({}, { mode: "markers" });
    const first = advance(null, gap, upsert(NO_CURVES, [{ key, points: line(0, 150) }]), "step", PLAIN_VIEW);
    expect(drawnData(first.update)[0]).toMatchObject({ mode: "markers" });
    const curves = upsert(NO_CURVES, [{ key, points: [...line(0, 150), ...line(400, 500)] }]);
    const dense = advance(null, gap, curves, "step", PLAIN_VIEW);
    const [drawnLine] = drawnData(dense.update);
    expect(drawnLine).toMatchObject({ mode: "lines" });
    expect((drawnLine?.["y"] as unknown[]).filter((y) => y === null)).toHaveLength(1);
    expect(advance(dense.drawn, gap, upsert(curves, [{ key, points: [point(500, 2)] }]), "step", PLAIN_VIEW).update).toMatchObject({ kind: "extend", x: [[500]], y: [[2]] });
  });

  it("zoomed in, draws its window and a neighbour on each side, and rests while points come elsewhere", () => {
    const view: View = { ...PLAIN_VIEW, range: [10, 20] };
    const reward = figure();
    let curves = upsert(NO_CURVES, [{ key, points: line(0, 100) }]);
    const first = advance(null, reward, curves, "step", view);
    expect(drawnData(first.update)[0]?.["x"]).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    curves = upsert(curves, [{ key, points: line(100, 120) }]);
    expect(advance(first.drawn, reward, curves, "step", view).update.kind).toBe("none");
    const replaced = upsert(curves, [{ key, points: [point(15, 7, 2)] }]);
    expect(drawnData(advance(first.drawn, reward, replaced, "step", view).update)[0]?.["y"]).toContain(7);
  });

  it("goes on at its end while the zoom reaches beyond it", () => {
    const view: View = { ...PLAIN_VIEW, range: [90, 200] };
    const reward = figure();
    const curves = upsert(NO_CURVES, [{ key, points: line(0, 100) }]);
    const first = advance(null, reward, curves, "step", view);
    const more = advance(first.drawn, reward, upsert(curves, [{ key, points: line(100, 103) }]), "step", view);
    expect((drawnData(more.update)[0]?.["x"] as number[]).at(-1)).toBe(102);
  });

  it("hides what the legend has off, the smoothed curve with the raw one", () => {
    const view: View = { ...PLAIN_VIEW, smoothing: 0.5, hidden: ["text"] };
    const data = drawnData(advance(null, figure(), upsert(NO_CURVES, pointsOf(figure(), "step")), "step", view).update);
    expect(data.map((trace) => trace["visible"])).toEqual([false, "legendonly"]);
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

  it("says whether there is only the base yet", () => {
    const base = { name: "capability", policy: "base", peer: null, domain: "text" };
    const text = { ...base, policy: "text" };
    const both = figure({ series: base });
    both.data = [...both.data, ...figure({ series: text }).data];
    const evaluated = upsert(NO_CURVES, [{ key: "capability|base||text", points: [point(0, 0.5)] }]);
    expect(isOnlyBase(both, NO_CURVES)).toBe(false);
    expect(isOnlyBase(both, evaluated)).toBe(true);
    expect(isOnlyBase(both, upsert(evaluated, [{ key: "capability|text||text", points: [point(12, 0.6)] }]))).toBe(false);
  });

  it("says how many points there are, whether it has any, and whether they have a logarithm", () => {
    const thinned = figure({ total: 5000 });
    const curves = upsert(NO_CURVES, pointsOf(thinned, "step"));
    expect(pointCount(advance(null, thinned, curves, "step", PLAIN_VIEW).drawn)).toEqual({ drawn: 2, total: 5000 });
    expect(isEmpty(figure({ step: [] }), NO_CURVES)).toBe(true);
    expect(isEmpty(figure({ mode: "replace" }), NO_CURVES)).toBe(false);
    expect(isPositive(figure(), curves)).toBe(true);
    expect(isPositive(figure(), upsert(curves, [{ key, points: [point(3, 0)] }]))).toBe(false);
    expect(isPositive(figure({ step: [] }), NO_CURVES)).toBe(true);
  });
});
