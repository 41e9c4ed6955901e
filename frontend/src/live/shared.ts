/**
 * One event stream for all tabs of the browser that look at the same run: browsers allow six connections to an origin.
 *
 * The tab that holds the lock reads the stream and passes every event on. A tab that joins asks for what was passed on lately, so that
 * nothing falls between its own fetch and its first event; the store is not hurt by hearing things twice. When the leader closes, the
 * next tab takes the lock and goes on from the last event it heard.
 */
import { openStream, type RunEvent, type StreamHandlers, type Connection } from "./stream";

type Message = { kind: "event"; event: RunEvent } | { kind: "connection"; connection: Connection } | { kind: "hello" };

const REMEMBERED = 2_000;

/** As openStream, shared. */
export function shareStream(runId: string, cursor: string, handlers: StreamHandlers): () => void {
  if (!("locks" in navigator) || typeof BroadcastChannel === "undefined") return openStream(runId, cursor, handlers);
  const name = `copd:run:${runId}`;
  const channel = new BroadcastChannel(name);
  const released = new AbortController();
  const recent: RunEvent[] = [];
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
    else if (lead) {
      post({ kind: "connection", connection });
      for (const event of recent) post({ kind: "event", event });
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
  post({ kind: "hello" });
  navigator.locks.request(name, { signal: released.signal }, follow).catch((error: unknown) => {
    if (!released.signal.aborted) throw error;
  });

  return () => {
    released.abort();
    lead?.();
    channel.close();
  };
}
