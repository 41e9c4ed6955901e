/** The event stream of the runs that are looked at: one EventSource that goes on where it broke off, by position, however often it breaks. */
import type { StreamChanged, StreamPoints, StreamProgress, StreamReset } from "../api/types";

interface Of {
  run: string;
  /** Its position in the run's stream; "" where it has none. */
  id: string;
}

export type RunEvent = Of &
  (
    | { type: "points"; data: StreamPoints }
    | { type: "progress"; data: StreamProgress }
    | { type: "changed"; data: StreamChanged }
    | { type: "reset"; data: StreamReset }
    | { type: "ping"; data: unknown }
  );

/** `reconnecting`: it broke off, or the server refused (a session that ended, a server that restarts); asked again more and more slowly. */
export type Connection = "connecting" | "open" | "reconnecting";

export interface StreamHandlers {
  onEvent: (event: RunEvent) => void;
  onConnection: (connection: Connection) => void;
}

export interface Stream {
  /** Brings the run's events after `cursor`, and those after it once more that it has brought before. */
  follow: (run: string, cursor: string) => void;
  leave: (run: string) => void;
  close: () => void;
}

const TYPES = ["points", "progress", "changed", "reset", "ping"] as const;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Those who come or go together cost one connection. */
const TOGETHER_MS = 20;

/** A stream of no run yet. A run that gets a `reset` is left: fetch again, and follow it from there. */
export function openStream({ onEvent, onConnection }: StreamHandlers): Stream {
  const positions = new Map<string, string>();
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let delay = FIRST_RETRY_MS;

  const shut = (): void => {
    source?.close();
    source = null;
  };
  const receive = (type: (typeof TYPES)[number], message: MessageEvent<string>): void => {
    const [run = "", id = ""] = message.lastEventId.split("@");
    if (!positions.has(run)) return;
    if (id) positions.set(run, id);
    if (type === "reset") positions.delete(run);
    onEvent({ type, run, id, data: JSON.parse(message.data) } as RunEvent);
  };
  const open = (): void => {
    timer = undefined;
    if (positions.size === 0) return;
    const query = Array.from(positions, ([run, cursor]) => `run=${encodeURIComponent(run)}@${cursor}`).join("&");
    source = new EventSource(`/api/v1/events?${query}`);
    for (const type of TYPES) source.addEventListener(type, (message: MessageEvent<string>) => receive(type, message));
    source.addEventListener("open", () => {
      delay = FIRST_RETRY_MS;
      onConnection("open");
    });
    source.addEventListener("error", () => {
      if (!source) return;
      onConnection("reconnecting");
      // The browser's own retry resends the id of one run alone; ours has those of all.
      shut();
      timer = setTimeout(open, delay);
      delay = Math.min(delay * 2, LAST_RETRY_MS);
    });
  };
  const openAnew = (): void => {
    const wasOpen = source !== null;
    shut(); // at once: what came until then would move the positions on
    if (wasOpen) timer = setTimeout(open, TOGETHER_MS);
    else if (timer === undefined) open();
  };

  return {
    follow: (run, cursor) => {
      const at = positions.get(run);
      if (at !== undefined && !isBefore(cursor, at)) return;
      positions.set(run, cursor);
      openAnew();
    },
    leave: (run) => {
      if (positions.delete(run)) openAnew();
    },
    close: () => {
      clearTimeout(timer);
      shut();
    },
  };
}

/** Of two positions of a stream: milliseconds, a dash, and a count within the millisecond. */
export function isBefore(id: string, other: string): boolean {
  const [time = 0, count = 0] = id.split("-").map(Number);
  const [otherTime = 0, otherCount = 0] = other.split("-").map(Number);
  return time < otherTime || (time === otherTime && count < otherCount);
}
