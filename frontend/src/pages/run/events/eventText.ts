/** Log lines as text. Pure. */
import type { LogEntry } from "../../../api/types";

/** A message of several lines is a sentence and its traceback. */
export function split(message: string): [string, string] {
  const end = message.indexOf("\n");
  return end < 0 ? [message, ""] : [message.slice(0, end), message.slice(end + 1)];
}

/** "rlvr.text@0, attempt 2"; of a line that no attempt said, the policy it is about. Empty where there is neither. */
export function aboutText({ segment, policy, attempt_number: number }: Pick<LogEntry, "segment" | "policy" | "attempt_number">): string {
  return [segment ?? policy, number && `attempt ${number}`].filter(Boolean).join(", ");
}

/** A line as it is copied; the server's own format of a log that is downloaded. */
export function asText(entry: LogEntry): string {
  const about = aboutText(entry);
  const place = about ? ` [${about}]` : "";
  return `${entry.time} ${entry.level.toUpperCase()} ${entry.actor}${place} ${entry.message.replaceAll("\n", "\n    ")}`;
}

/** Pages from the newest backwards, each oldest first, as one list with the newest first. */
export function newestFirst(pages: readonly { entries: readonly LogEntry[] }[]): LogEntry[] {
  return pages.flatMap((page) => page.entries.toReversed());
}
