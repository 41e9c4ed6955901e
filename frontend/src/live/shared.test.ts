import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEventSource, streams } from "./fakeEventSource";
import { shareStream } from "./shared";
import type { Connection, RunEvent } from "./stream";

let channels: Set<FakeChannel> = new Set();
let queues: Map<string, Promise<unknown>> = new Map();

/** Delivers at once, to the others. */
class FakeChannel extends EventTarget {
  constructor() {
    super();
    channels.add(this);
  }
  postMessage(data: unknown): void {
    for (const other of channels) if (other !== this) other.dispatchEvent(new MessageEvent("message", { data }));
  }
  close(): void {
    channels.delete(this);
  }
}

/** Whoever asks for a lock waits for those before. */
const locks = {
  request: (name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void> | undefined): Promise<unknown> => {
    const mine = (queues.get(name) ?? Promise.resolve()).then(() => (signal.aborted ? undefined : work()));
    queues.set(name, mine);
    return mine;
  },
};

interface Tab {
  heard: string[];
  connections: Connection[];
  close: () => void;
}

function openTab(cursor: string, run = "r"): Tab {
  const heard: string[] = [];
  const connections: Connection[] = [];
  const close = shareStream(run, cursor, {
    onEvent: (event: RunEvent) => heard.push(`${event.type} ${event.id}`),
    onConnection: (connection) => connections.push(connection),
  });
  return { heard, connections, close };
}

const newest = (): FakeEventSource => streams[streams.length - 1]!;
const held = (): string[] => streams.filter(({ closed }) => !closed).map(({ url }) => url.replace("/api/v1/events?", ""));

/** Until all have their locks, and the stream is open for all who joined. */
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(20);

describe("one stream for all tabs", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    streams.length = 0;
    channels = new Set();
    queues = new Map();
    vi.stubGlobal("EventSource", FakeEventSource);
    vi.stubGlobal("BroadcastChannel", FakeChannel);
    vi.stubGlobal("navigator", { locks });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is read by one tab, heard by all, and taken over where each of them was", async () => {
    const first = openTab("5-0");
    await settled();
    const second = openTab("6-0");
    await settled();
    expect(held()).toEqual(["run=r@5-0"]);

    newest().send("points", "7-0", {});
    newest().send("changed", "8-0", { what: ["run"] });
    expect(first.heard).toEqual(["points 7-0", "changed 8-0"]);
    expect(second.heard).toEqual(first.heard);

    first.close();
    await settled();
    expect(held()).toEqual(["run=r@8-0"]);
    newest().send("points", "9-0", {});
    expect(second.heard.at(-1)).toBe("points 9-0");
    expect(first.heard.at(-1)).toBe("changed 8-0");
    second.close();
    expect(held()).toEqual([]);
  });

  it("is one for all runs, of those alone that somebody looks at; each tab hears of its own", async () => {
    const first = openTab("5-0");
    const other = openTab("2-0", "s");
    await settled();
    expect(held()).toEqual(["run=r@5-0&run=s@2-0"]);
    newest().send("points", "3-0", {}, "s");
    newest().send("points", "6-0", {});
    expect([first.heard, other.heard]).toEqual([["points 6-0"], ["points 3-0"]]);

    other.close();
    await settled();
    expect(held()).toEqual(["run=r@6-0"]);
    const third = openTab("4-0", "s");
    await settled();
    first.close(); // the leader
    await settled();
    expect(held()).toEqual(["run=s@4-0"]);
    third.close();
  });

  it("reads again what came since the fetch of a tab that joins; to the others it is old", async () => {
    const first = openTab("5-0");
    await settled();
    newest().dispatchEvent(new Event("open"));
    for (const id of ["6-9", "6-10", "7-0"]) newest().send("points", id, {});
    const before = newest();
    const second = openTab("6-9");
    await settled();
    expect(before.closed).toBe(true);
    expect(held()).toEqual(["run=r@6-9"]);
    expect(second.connections.at(-1)).toBe("open");
    for (const id of ["6-10", "7-0", "7-1"]) newest().send("points", id, {});
    expect(second.heard).toEqual(["points 6-10", "points 7-0", "points 7-1"]);
    expect(first.heard).toEqual(["points 6-9", "points 6-10", "points 7-0", "points 7-1"]);
    const third = openTab("7-1");
    await settled();
    expect(streams).toHaveLength(2); // it has missed nothing
    for (const tab of [third, second, first]) tab.close();
  });

  it("says that it is cut to all, once, and goes on with all", async () => {
    const first = openTab("5-0");
    const second = openTab("4-0", "s");
    await settled();
    newest().dispatchEvent(new Event("open"));
    newest().dispatchEvent(new Event("error"));
    expect(held()).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    expect(held()).toEqual(["run=r@5-0&run=s@4-0"]);
    newest().dispatchEvent(new Event("open"));
    for (const tab of [first, second]) {
      expect(tab.connections).toEqual(["connecting", "open", "reconnecting", "open"]);
      tab.close();
    }
  });

  it("ends for every tab of a run that is reset, which fetch anew; the others go on", async () => {
    const first = openTab("5-0");
    const second = openTab("5-0");
    const other = openTab("2-0", "s");
    await settled();
    newest().send("reset", "", { reason: "the stream was lost" });
    expect([first.heard, second.heard, other.heard]).toEqual([["reset "], ["reset "], []]);
    second.close();
    const again = openTab("0-0");
    await settled();
    expect(held()).toEqual(["run=s@2-0&run=r@0-0"]);
    newest().send("points", "1-0", {});
    expect(again.heard).toEqual(["points 1-0"]);
    for (const tab of [again, other, first]) tab.close();
  });
});
