/** Log lines as text. Pure. */
import type { LogEntry } from "../../../api/types";

/** A message of several lines is a sentence and its traceback. */
export function split(message: string): [string, string] {
  const end = message.indexOf("\n");
  return end < 0 ? [message, ""] : [message.slice(0, end), message.slice(end + 1)];
}

/** A line as it is copied; the server's own format of a log that is taken away. */
export function asText(entry: LogEntry): string {
  const about = [entry.segment ?? entry.policy, entry.attempt === null ? null : `attempt ${entry.attempt}`].filter(Boolean).join(", ");
  const place = about ? ` [${about}]` : "";
  return `${entry.time} ${entry.level.toUpperCase()} ${entry.actor}${place} ${entry.message.replaceAll("\n", "\n    ")}`;
}

/** Pages from the newest backwards, each oldest first, as one list with the newest first. */
export function newestFirst(pages: readonly { entries: readonly LogEntry[] }[]): LogEntry[] {
  return pages.flatMap((page) => page.entries.toReversed());
}
