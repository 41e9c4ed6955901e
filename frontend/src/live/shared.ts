/**
 * One event stream for all tabs of the browser that look at the same run: browsers allow six connections to an origin.
 *
 * The tab that holds the lock reads the stream and passes every event on. A tab that joins asks for what was passed on since its own
 * fetch, so that nothing falls between that and its first event; it alone is told, for to the others it is old. When the leader closes,
 * the next tab takes the lock and goes on from the last event it heard.
 */
import { newKey } from "../api/actions";
import { openStream, type RunEvent, type StreamHandlers, type Connection } from "./stream";

type Message =
  | { kind: "event"; event: RunEvent }
  | { kind: "connection"; connection: Connection }
  | { kind: "hello"; from: string; cursor: string }
  | { kind: "missed"; to: string; connection: Connection; events: RunEvent[] };

const REMEMBERED = 2_000;

/** As openStream, shared. */
export function shareStream(runId: string, cursor: string, handlers: StreamHandlers): () => void {
  if (!("locks" in navigator) || typeof BroadcastChannel === "undefined") return openStream(runId, cursor, handlers);
  const name = `copd:run:${runId}`;
  const channel = new BroadcastChannel(name);
  const released = new AbortController();
  const recent: RunEvent[] = [];
  const me = newKey();
  let connection: Connection = "connecting";
  let last = cursor;
  let lead: (() => void) | null = null;

  const post = (message: Message): void => {
    if (!released.signal.aborted) channel.postMessage(message);
  };
  const hear = (event: RunEvent): void => {
    last = event.id;
    handlers.onEvent(event);
  };
  const setConnection = (next: Connection): void => {
    connection = next;
    handlers.onConnection(next);
  };

  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (data.kind === "event") hear(data.event);
    else if (data.kind === "connection") setConnection(data.connection);
    else if (data.kind === "hello" && lead) post({ kind: "missed", to: data.from, connection, events: recent.filter(({ id }) => !isBefore(id, data.cursor)) });
    else if (data.kind === "missed" && data.to === me) {
      setConnection(data.connection);
      for (const event of data.events) hear(event);
    }
  });

  const follow = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      const close = openStream(runId, last, {
        onEvent: (event) => {
          recent.push(event);
          if (recent.length > REMEMBERED) recent.shift();
          post({ kind: "event", event });
          hear(event);
        },
        onConnection: (next) => {
          post({ kind: "connection", connection: next });
          setConnection(next);
        },
      });
      lead = () => {
        close();
        resolve();
      };
      if (released.signal.aborted) lead();
    });
  };

  handlers.onConnection(connection);
  post({ kind: "hello", from: me, cursor });
  navigator.locks.request(name, { signal: released.signal }, follow).catch((error: unknown) => {
    if (!released.signal.aborted) throw error;
  });

  return () => {
    released.abort();
    lead?.();
    channel.close();
  };
}

/** Of two positions of a stream: milliseconds, a dash, and a count within the millisecond. */
function isBefore(id: string, other: string): boolean {
  const [time = 0, count = 0] = id.split("-").map(Number);
  const [otherTime = 0, otherCount = 0] = other.split("-").map(Number);
  return time < otherTime || (time === otherTime && count < otherCount);
}
