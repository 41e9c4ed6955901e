/** One run's event stream: an EventSource that goes on where it broke off, by id, however often it breaks. */
import type { StreamChanged, StreamPoints, StreamProgress, StreamReset } from "../api/types";

export type RunEvent =
  | { type: "points"; id: string; data: StreamPoints }
  | { type: "progress"; id: string; data: StreamProgress }
  | { type: "changed"; id: string; data: StreamChanged }
  | { type: "reset"; id: string; data: StreamReset }
  | { type: "ping"; id: string; data: unknown };

/** `refused`: the server answered with an error (a session that ended, a server that restarts); asked again more and more slowly. */
export type Connection = "connecting" | "open" | "reconnecting";

export interface StreamHandlers {
  onEvent: (event: RunEvent) => void;
  onConnection: (connection: Connection) => void;
}

const TYPES = ["points", "progress", "changed", "reset", "ping"] as const;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Opens the stream after `cursor`; the answer closes it. After a `reset` it is closed: fetch again and open a new one. */
export function openStream(runId: string, cursor: string, { onEvent, onConnection }: StreamHandlers): () => void {
  let last = cursor;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let delay = FIRST_RETRY_MS;

  const close = (): void => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const receive = (type: (typeof TYPES)[number], message: MessageEvent<string>): void => {
    last = message.lastEventId || last;
    if (type === "reset") close();
    onEvent({ type, id: last, data: JSON.parse(message.data) } as RunEvent);
  };
  const open = (): void => {
    source = new EventSource(`/api/v1/runs/${encodeURIComponent(runId)}/events?cursor=${last}`);
    for (const type of TYPES) source.addEventListener(type, (message: MessageEvent<string>) => receive(type, message));
    source.addEventListener("open", () => {
      delay = FIRST_RETRY_MS;
      onConnection("open");
    });
    source.addEventListener("error", () => {
      if (!source) return;
      onConnection("reconnecting");
      // The browser's own retry resends the id only on some errors; ours always does.
      source.close();
      timer = setTimeout(open, delay);
      delay = Math.min(delay * 2, LAST_RETRY_MS);
    });
  };

  onConnection("connecting");
  open();
  return close;
}
