import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HoverGroup, valuesAt } from "./hover";

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
    const heard: [string, number | null][] = [];
    const [a, b, c] = [{}, {}, {}];
    group.join(a, (at) => heard.push(["a", at]));
    group.join(b, (at) => heard.push(["b", at]));
    const leave = group.join(c, (at) => heard.push(["c", at]));
    for (const at of [1, 2, 3]) group.tell(a, at);
    frame();
    expect(heard).toEqual([["b", 3], ["c", 3]]);
    leave();
    group.tell(a, null);
    frame();
    expect(heard.slice(2)).toEqual([["b", null]]);
  });

  it("is not ended by a chart that is no longer the one", () => {
    const group = new HoverGroup();
    const heard: (number | null)[] = [];
    const [a, b] = [{}, {}];
    group.join(a, (at) => heard.push(at));
    group.tell(a, 1);
    group.tell(b, 2);
    group.tell(a, null);
    frame();
    expect(heard).toEqual([2]);
  });

  it("says the newest value at or before the place, of what is shown", () => {
    const trace = { x: [0, 10, 20], y: [1, null, 3], line: { color: "red" } };
    const data = [
      { ...trace, name: "a &lt;b&gt;" },
      { ...trace, name: "raw", hoverinfo: "skip" },
      { ...trace, name: "off", visible: "legendonly" },
      { ...trace, name: "later", x: [50, 60, 70] },
    ];
    expect(valuesAt(data, 15)).toEqual([{ name: "a <b>", colour: "red", value: 1 }]);
    expect(valuesAt(data, 20)[0]?.value).toBe(3);
    expect(valuesAt([{ ...trace, name: "t", x: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", "2026-01-02T00:00:00+00:00"] }], Date.UTC(2026, 0, 2))[0]?.value).toBe(3);
  });
});
