import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEventSource, streams } from "./fakeEventSource";
import { shareStream } from "./shared";
import type { Connection, RunEvent } from "./stream";

let channels: Set<FakeChannel> = new Set();
let held: Promise<unknown> = Promise.resolve();

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

/** One lock: whoever asks waits for the one before. */
const locks = {
  request: (_name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>): Promise<void> => {
    const mine = held.then(() => (signal.aborted ? undefined : work()));
    held = mine;
    return mine;
  },
};

interface Tab {
  heard: string[];
  connections: Connection[];
  close: () => void;
}

function openTab(cursor: string): Tab {
  const heard: string[] = [];
  const connections: Connection[] = [];
  const close = shareStream("r", cursor, {
    onEvent: (event: RunEvent) => heard.push(`${event.type} ${event.id}`),
    onConnection: (connection) => connections.push(connection),
  });
  return { heard, connections, close };
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
};

describe("one stream for all tabs", () => {
  beforeEach(() => {
    streams.length = 0;
    channels = new Set();
    held = Promise.resolve();
    vi.stubGlobal("EventSource", FakeEventSource);
    vi.stubGlobal("BroadcastChannel", FakeChannel);
    vi.stubGlobal("navigator", { locks });
  });
  afterEach(() => vi.unstubAllGlobals());

  it("is read by one tab, heard by all, and taken over where the leader left it", async () => {
    const first = openTab("5-0");
    await settled();
    const second = openTab("6-0");
    await settled();
    expect(streams.map((s) => s.url)).toEqual(["/api/v1/runs/r/events?cursor=5-0"]);

    streams[0]?.send("points", "7-0", {});
    streams[0]?.send("changed", "8-0", { what: ["run"] });
    expect(first.heard).toEqual(["points 7-0", "changed 8-0"]);
    expect(second.heard).toEqual(first.heard);

    first.close();
    await settled();
    expect(streams[0]?.closed).toBe(true);
    expect(streams[1]?.url).toBe("/api/v1/runs/r/events?cursor=8-0");
    streams[1]?.send("points", "9-0", {});
    expect(second.heard.at(-1)).toBe("points 9-0");
    expect(first.heard.at(-1)).toBe("changed 8-0");
    second.close();
  });

  it("tells a tab that joins, and no other, what was passed on since its fetch, so that nothing falls between", async () => {
    const first = openTab("5-0");
    await settled();
    streams[0]?.dispatchEvent(new Event("open"));
    for (const id of ["6-9", "6-10", "7-0"]) streams[0]?.send("points", id, {});
    const second = openTab("6-10");
    expect(second.heard).toEqual(["points 6-10", "points 7-0"]);
    expect(second.connections.at(-1)).toBe("open");
    const third = openTab("7-0");
    expect(third.heard).toEqual(["points 7-0"]);
    expect(second.heard).toHaveLength(2);
    third.close();
    second.close();
    first.close();
  });

  it("ends for everybody at a reset: each tab fetches anew", async () => {
    const first = openTab("5-0");
    await settled();
    const second = openTab("5-0");
    streams[0]?.send("reset", "", { reason: "the stream was lost" });
    expect(first.heard).toEqual(["reset 5-0"]);
    expect(second.heard).toEqual(["reset 5-0"]);
    expect(streams[0]?.closed).toBe(true);
    first.close();
    second.close();
  });
});
