import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HoverGroup, placeText, valuesAt } from "./hover";

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
    expect(valuesAt(data, 15)).toEqual([{ name: "a <b>", colour: "red", value: 1, since: 0 }]);
    expect(valuesAt([{ ...trace, name: "base", meta: { series: { policy: "base" } } }], 15)[0]?.since).toBeNull();
    expect(valuesAt(data, 20)[0]?.value).toBe(3);
    const beside = { ...trace, name: "another run", meta: { mode: "replace", compared: true, label: "a ← b (another run)" } };
    expect(valuesAt([beside], 20)).toEqual([]);
    expect(valuesAt([beside], 20, true).map(({ name, since }) => [name, since])).toEqual([["a ← b (another run)", null]]);
    expect(valuesAt([beside], 21, true)).toEqual([]); // it has not come so far
    expect(valuesAt([{ ...trace, name: "t", x: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-02T00:00:00+00:00"] }], Date.UTC(2026, 0, 2))[0]?.value).toBe(3);
  });
});
