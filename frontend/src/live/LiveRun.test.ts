import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { StreamPoints } from "../api/types";
import { FakeEventSource, streams } from "./fakeEventSource";
import { LiveRun } from "./LiveRun";

vi.mock("../api/queries", () => ({ fetchCursor: () => Promise.resolve("0-0") }));

const START = Date.parse("2026-01-01T00:00:00Z");
const client = new QueryClient();
const asked = vi.spyOn(client, "invalidateQueries");
let live: LiveRun;

function hide(hidden: boolean): void {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

const newest = (): FakeEventSource => streams[streams.length - 1]!;

/** A point of a step that was sent so many milliseconds ago. */
function point(step: number, ago = 0): void {
  const values = [{ name: "reward", peer: "", domain: "", value: 0.5, se: null }];
  const data: StreamPoints = { attempt: 1, policy: "text", step, time: new Date(Date.now() - ago).toISOString(), values };
  newest().send("points", `${step}-0`, data);
}

describe("a run while it is looked at", () => {
  let begun: unknown[] = [];
  beforeEach(async () => {
    vi.useFakeTimers({ now: START });
    vi.stubGlobal("EventSource", FakeEventSource);
    vi.stubGlobal("BroadcastChannel", undefined); // so that the tab reads its own stream
    streams.length = 0;
    hide(false);
    live = new LiveRun("r", client);
    live.start();
    await vi.advanceTimersByTimeAsync(0);
    newest().dispatchEvent(new Event("open"));
    await vi.advanceTimersByTimeAsync(700);
    begun = asked.mock.calls.map(([filter]) => filter);
    asked.mockClear();
  });
  afterEach(() => {
    live.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks once more for what was asked for beside its position: a change between the two would come by neither", () => {
    expect(begun).toEqual([{ queryKey: ["run", "r", "run"] }, { queryKey: ["run", "r", "segments"] }]);
  });

  it("marks what it holds as out of date when it is left", () => {
    live.stop();
    expect(asked.mock.calls).toEqual([[{ queryKey: ["run", "r"], refetchType: "none" }]]);
  });

  it("lets go of its stream when nobody looks for a while, and goes on from the last event", async () => {
    point(7);
    hide(true);
    await vi.advanceTimersByTimeAsync(9_000);
    point(8);
    expect(newest().closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(newest().closed).toBe(true);
    expect(asked).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.mock.calls).toEqual([[{ queryKey: ["run", "r", "run"] }]]);

    hide(false);
    expect(streams).toHaveLength(2);
    expect(newest().url).toBe("/api/v1/events?run=r@8-0");
    newest().dispatchEvent(new Event("open"));
    expect(asked).toHaveBeenLastCalledWith({ queryKey: ["run", "r"] });
    expect([...live.snapshot().curves.values()].map((curve) => curve.points.length)).toEqual([2]);
    asked.mockClear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).not.toHaveBeenCalled();
    expect(newest().closed).toBe(false);
  });

  it("rests from the start where nobody looks: of many tabs opened at once none reads a stream before it is looked at", async () => {
    live.stop();
    hide(true);
    live = new LiveRun("r", client);
    live.start();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(streams).toHaveLength(1);
    hide(false);
    expect(streams).toHaveLength(2);
    expect(newest().url).toBe("/api/v1/events?run=r@0-0");
  });

  it("keeps its stream when one looks away for a moment", async () => {
    hide(true);
    await vi.advanceTimersByTimeAsync(9_000);
    hide(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams).toHaveLength(1);
    expect(newest().closed).toBe(false);
  });

  it("asks how the run stands whenever it is cut: a session may have ended", async () => {
    newest().dispatchEvent(new Event("error"));
    expect(asked.mock.calls).toEqual([[{ queryKey: ["run", "r", "run"] }]]);
    await vi.advanceTimersByTimeAsync(500);
    newest().dispatchEvent(new Event("error"));
    expect(asked).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1_000);
    newest().dispatchEvent(new Event("open"));
    expect(asked).toHaveBeenLastCalledWith({ queryKey: ["run", "r"] });
  });

  it("says that it replays while what comes is old, and only then", async () => {
    point(1);
    newest().dispatchEvent(new Event("error"));
    expect(live.snapshot().connection).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(500);
    newest().dispatchEvent(new Event("open"));
    expect(live.snapshot().late).toBeNull();
    point(2, 30_000);
    expect(live.snapshot().late).toBe("replaying");
    point(3);
    expect(live.snapshot().late).toBeNull();
    point(4, 3_000);
    expect(live.snapshot().late).toBe("behind");
  });

  it("has replayed when no more comes, and is not behind by what it replayed", async () => {
    point(1);
    newest().dispatchEvent(new Event("error"));
    await vi.advanceTimersByTimeAsync(500);
    newest().dispatchEvent(new Event("open"));
    point(2, 30_000);
    await vi.advanceTimersByTimeAsync(1_499);
    expect(live.snapshot().late).toBe("replaying");
    await vi.advanceTimersByTimeAsync(1);
    expect(live.snapshot()).toMatchObject({ late: null, lastPoint: { lag: 30_000 } });
  });

  it("is behind while what comes is late, until a point is on time or none comes for a while", async () => {
    point(1);
    expect(live.snapshot().late).toBeNull();
    point(2, 5_000);
    expect(live.snapshot()).toMatchObject({ late: "behind", lastPoint: { lag: 5_000 } });
    point(3);
    expect(live.snapshot().late).toBeNull();
    for (const step of [4, 5, 6]) {
      point(step, 5_000);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(live.snapshot().late).toBe("behind");
    }
    await vi.advanceTimersByTimeAsync(500);
    expect(live.snapshot().late).toBeNull();
  });

  it("is not behind after a rest, once what it slept through has come", async () => {
    point(1);
    hide(true);
    await vi.advanceTimersByTimeAsync(60_000);
    hide(false);
    newest().dispatchEvent(new Event("open"));
    point(2, 40_000);
    point(3, 10_000);
    expect(live.snapshot().late).toBe("replaying");
    await vi.advanceTimersByTimeAsync(1_500);
    expect(live.snapshot().late).toBeNull();
  });
});
