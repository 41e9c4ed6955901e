/**
 * One event stream for all tabs of the browser, whatever runs they look at: browsers allow six connections to an origin.
 *
 * The tab that holds the lock leads: it reads the stream of all runs and passes every event on. A tab that joins tells it the run and the
 * position of its own fetch; where that lies further back, the events since are read again, and each tab takes only those that are new to
 * it. When the leader closes, the next tab takes the lock, and all tell it where they are. Each tab holds a lock of its own, too: the
 * leader waits for it, and so learns that the tab is gone, even if it was killed.
 */
import { newKey } from "../api/actions";
import { isBefore, openStream, type RunEvent, type StreamHandlers, type Connection } from "./stream";

type Message =
  | { kind: "event"; event: RunEvent }
  | { kind: "connection"; connection: Connection }
  | { kind: "follow"; tab: string; run: string; cursor: string }
  | { kind: "lead" };

const STREAM = "copd:stream";
const lockOf = (tab: string): string => `copd:tab:${tab}`;

/** Follows a run after `cursor` until the answer is called. After a `reset` nothing more comes: fetch again, and share anew. */
export function shareStream(run: string, cursor: string, { onEvent, onConnection }: StreamHandlers): () => void {
  let connection: Connection = "connecting";
  onConnection(connection);
  if (!("locks" in navigator) || typeof BroadcastChannel === "undefined") {
    const alone = openStream({ onEvent, onConnection });
    alone.follow(run, cursor);
    return alone.close;
  }
  const channel = new BroadcastChannel(STREAM);
  const closed = new AbortController();
  const me = newKey();
  let last = cursor;
  let lead: ReturnType<typeof openLead> | null = null;

  const post = (message: Message): void => {
    if (!closed.signal.aborted) channel.postMessage(message);
  };
  const hear = (event: RunEvent): void => {
    if (event.run !== run || (event.id && !isBefore(last, event.id))) return;
    last = event.id || last;
    onEvent(event);
  };
  const tell = (next: Connection): void => {
    if (next === connection && next === "open") return; // another run was added to the stream; every failure counts
    connection = next;
    onConnection(next);
  };
  const join = (): void => post({ kind: "follow", tab: me, run, cursor: last });

  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (data.kind === "event") hear(data.event);
    else if (data.kind === "connection") tell(data.connection);
    else if (data.kind === "follow") lead?.take(data.tab, data.run, data.cursor);
    else join();
  });
  hold(lockOf(me), closed.signal, join);
  hold(STREAM, closed.signal, () => {
    lead = openLead(post, { onEvent: hear, onConnection: tell }, closed.signal);
    lead.take(me, run, last);
    post({ kind: "lead" });
  });

  return () => {
    closed.abort();
    channel.close();
  };
}

/** The stream as the tab reads it that leads, until `closed`: for itself by `handlers`, for the others by `post`. */
function openLead(post: (message: Message) => void, { onEvent, onConnection }: StreamHandlers, closed: AbortSignal) {
  const runs = new Map<string, string>();
  let connection: Connection = "connecting";
  const stream = openStream({
    onEvent: (event) => {
      post({ kind: "event", event });
      onEvent(event);
    },
    onConnection: (next) => {
      connection = next;
      post({ kind: "connection", connection });
      onConnection(next);
    },
  });
  closed.addEventListener("abort", stream.close);
  const drop = (tab: string): void => {
    const run = runs.get(tab);
    runs.delete(tab);
    if (run !== undefined && !Array.from(runs.values()).includes(run)) stream.leave(run);
  };
  const take = (tab: string, run: string, cursor: string): void => {
    if (!runs.has(tab)) hold(lockOf(tab), closed, () => drop(tab));
    runs.set(tab, run);
    stream.follow(run, cursor);
    if (connection !== "connecting") post({ kind: "connection", connection }); // a new leader says nothing until it knows
  };
  return { take };
}

/** Has a lock of the browser as soon as nobody else does, and until `signal`; that of a tab that dies is free. */
function hold(name: string, signal: AbortSignal, held: () => void): void {
  const whileHeld = (): Promise<void> | undefined => {
    if (signal.aborted) return undefined;
    held();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  };
  navigator.locks.request(name, { signal }, whileHeld).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
