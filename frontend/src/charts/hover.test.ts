import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { upsert, NO_CURVES, type Point } from "../live/curves";
import { advance, PLAIN_VIEW } from "./drawing";
import { HoverGroup, placeText, valuesAt } from "./hover";
import { smoothed } from "./smoothing";

describe("hovering", () => {
  let frames: FrameRequestCallback[] = [];
  beforeEach(() => {
    frames = [];
    vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  });
  afterEach(() => vi.unstubAllGlobals());
  const frame = (): void => frames.splice(0).forEach((callback) => callback(0));

  it("is told to all other charts of the axis, once a frame, the newest place", () => {
    const group = new HoverGroup();
    const heard: [string, number | null, boolean][] = [];
    const [a, b, c] = [{}, {}, {}];
    group.join(a, (at, isHere) => heard.push(["a", at, isHere]));
    group.join(b, (at, isHere) => heard.push(["b", at, isHere]));
    const leave = group.join(c, (at, isHere) => heard.push(["c", at, isHere]));
    for (const at of [1, 2, 3]) group.tell(a, at);
    frame();
    expect(heard).toEqual([["a", 3, true], ["b", 3, false], ["c", 3, false]]);
    leave();
    group.tell(a, null);
    frame();
    expect(heard.slice(3)).toEqual([["a", null, true], ["b", null, false]]);
  });

  it("is not ended by a chart that is no longer the one", () => {
    const group = new HoverGroup();
    const heard: (number | null)[] = [];
    const [a, b] = [{}, {}];
    group.join(a, (at) => heard.push(at));
    group.join(b, (at) => heard.push(at));
    group.tell(a, 1);
    group.tell(b, 2);
    group.tell(a, null);
    frame();
    expect(heard).toEqual([2, 2]);
  });

  it("says the place as the axis does", () => {
    expect(placeText("training steps", "linear", 1296)).toBe("training steps: 1,296");
    expect(placeText("time", "date", Date.UTC(2026, 0, 2, 10, 0, 5))).toBe("time: 10:00:05");
  });

  it("says the newest value at or before the place, of what is shown", () => {
    const trace = { x: [0, 10, 20], y: [1, null, 3], line: { color: "red" } };
    const data = [
      { ...trace, name: "a &lt;b&gt;" },
      { ...trace, name: "raw", hoverinfo: "skip" },
      { ...trace, name: "off", visible: "legendonly" },
      { ...trace, name: "later", x: [50, 60, 70] },
    ];
    expect(valuesAt(data, 15)).toEqual([{ name: "a <b>", colour: "red", value: 1, interval: null, smoothed: null, since: 0 }]);
    expect(valuesAt([{ ...trace, name: "base", meta: { series: { policy: "base" } } }], 15)[0]?.since).toBeNull();
    expect(valuesAt(data, 20)[0]?.value).toBe(3);
    const beside = { ...trace, name: "another run", meta: { mode: "replace", compared: true, label: "a ← b (another run)" } };
    expect(valuesAt([beside], 20)).toEqual([]);
    expect(valuesAt([beside], 20, true).map(({ name, since }) => [name, since])).toEqual([["a ← b (another run)", null]]);
    expect(valuesAt([beside], 21, true)).toEqual([]); // it has not come so far
    const measured = { ...trace, name: "a", error_y: { array: [0.06, null, 0] } };
    expect([0, 20].map((at) => valuesAt([measured], at)[0]?.interval)).toEqual([0.06, null]);
    expect(valuesAt([{ ...trace, name: "t", x: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-02T00:00:00+00:00"] }], Date.UTC(2026, 0, 2))[0]?.value).toBe(3);
  });

  it("says the measured value and the smoothed one, also after a pause", () => {
    const points = [0, 1, 2, 3, 60, 61, 62].map((step): Point => ({ step, value: Math.sin(step), se: null, attempt: 1, time: null }));
    const series = { name: "reward", policy: "text", peer: null, domain: null };
    const trace = { name: "text", mode: "lines", x: [], y: [], meta: { mode: "append", series, step: [], attempt: [], total: 0 } };
    const figure = { name: "reward", cursor: "1-0", title: "", help: "", unit: "", range: null, summary: "", series: ["reward"], data: [trace], layout: {} };
    const data = (hidden: string[]) => {
      const view = { ...PLAIN_VIEW, smoothing: 0.6, hidden };
      const { update } = advance(null, figure, upsert(NO_CURVES, [{ key: "reward|text||", points }]), "step", view);
      return update.kind === "draw" ? update.data : [];
    };
    const line = new Map(smoothed(points, 0.6, 1).map(({ step, value }) => [step, value]));
    for (const at of [0, 3, 61]) expect(valuesAt(data([]), at)).toMatchObject([{ name: "text", value: Math.sin(at), smoothed: line.get(at), since: null }]);
    expect(valuesAt(data([]), 40)).toMatchObject([{ value: Math.sin(3), smoothed: line.get(3), since: 3 }]);
    expect(valuesAt(data(["text"]), 3)).toEqual([]);
  });
});
