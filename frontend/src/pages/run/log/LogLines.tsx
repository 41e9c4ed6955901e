import type { LogEntry } from "../../../api/types";
import { clock } from "../../../parts/time";
import { Traceback } from "./Traceback";
import classes from "./Log.module.css";

/** A message of several lines is a sentence and its traceback. */
function split(message: string): [string, string] {
  const end = message.indexOf("\n");
  return end < 0 ? [message, ""] : [message.slice(0, end), message.slice(end + 1)];
}

export function LogLines({ entries }: { entries: readonly LogEntry[] }) {
  return (
    <ol className={classes.lines}>
      {entries.map((entry) => {
        const [sentence, rest] = split(entry.message);
        return (
          <li key={entry.id} className={classes.line} data-level={entry.level}>
            <time dateTime={entry.time}>{clock(entry.time)}</time>
            <span className={classes.level}>{entry.level}</span>
            <span className={classes.actor}>{entry.actor}</span>
            <span className={classes.message}>
              {sentence}
              {rest && <Traceback text={rest} />}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
