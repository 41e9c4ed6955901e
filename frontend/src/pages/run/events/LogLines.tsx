import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import type { LogEntry } from "../../../api/types";
import { Icon } from "../../../parts/Icon";
import { absolute, moment } from "../../../parts/time";
import { aboutText, asText, split } from "./eventText";
import { Traceback } from "./Traceback";
import classes from "./Events.module.css";

interface Props {
  entries: readonly LogEntry[];
  /** Narrows the log down to one policy or attempt; without it, lines are only shown. */
  onNarrow?: ((by: "policy" | "attempt", value: string) => void) | undefined;
}

export function LogLines({ entries, onNarrow }: Props) {
  return (
    <ol className={classes.lines}>
      {entries.map((entry) => (
        <Line key={entry.id} entry={entry} onNarrow={onNarrow} />
      ))}
    </ol>
  );
}

function Line({ entry, onNarrow }: { entry: LogEntry; onNarrow: Props["onNarrow"] }) {
  const [sentence, rest] = split(entry.message);
  return (
    <li className={classes.line} data-level={entry.level} data-kind={entry.kind}>
      <time dateTime={entry.time} title={absolute(entry.time)}>
        {moment(entry.time)}
      </time>
      <span className={classes.level}>{entry.level}</span>
      <span className={classes.actor} title={entry.actor}>
        {entry.actor}
      </span>
      <span className={classes.message}>
        {sentence}
        {onNarrow && <About entry={entry} onNarrow={onNarrow} />}
        {rest && <Traceback text={rest} />}
      </span>
      {onNarrow && <Copy entry={entry} />}
    </li>
  );
}

/** What the line is about, each to be looked at alone. */
function About({ entry, onNarrow }: { entry: LogEntry; onNarrow: NonNullable<Props["onNarrow"]> }) {
  const { policy, attempt } = entry;
  if (!policy && attempt === null) return null;
  return (
    <span className={classes.about}>
      {policy && (
        <button type="button" aria-label={`Only events of ${policy}`} onClick={() => onNarrow("policy", policy)}>
          {policy}
        </button>
      )}
      {attempt !== null && (
        <button type="button" aria-label={`Only events of ${aboutText(entry)}`} onClick={() => onNarrow("attempt", String(attempt))}>
          {aboutText(entry)}
        </button>
      )}
    </span>
  );
}

function Copy({ entry }: { entry: LogEntry }) {
  return (
    <CopyButton value={asText(entry)}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : "Copy this line"}>
          <ActionIcon className={classes.copy ?? ""} variant="subtle" color="gray" size={24} onClick={copy} aria-label={`Copy the line of ${moment(entry.time)}`}>
            <Icon name={copied ? "check" : "copy"} size={14} />
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
