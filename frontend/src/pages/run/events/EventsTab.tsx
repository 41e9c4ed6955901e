import { Button, Menu, Skeleton } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { logFileUrl, logPagesQuery, newLinesQuery, type LogFilter } from "../../../api/log";
import type { Run } from "../../../api/types";
import { CopyCurl } from "../../../parts/CopyCurl";
import { Icon } from "../../../parts/Icon";
import { count } from "../../../parts/numbers";
import { ProblemAlert } from "../../../parts/Problem";
import { isOver } from "../runText";
import { asText, newestFirst } from "./eventText";
import { Filters } from "./Filters";
import { LogLines } from "./LogLines";
import { Traceback } from "./Traceback";
import { useLogFilter } from "./useLogFilter";
import classes from "./Events.module.css";

/** What people did, the scheduler decided and workers said: live at the top, as far back as one goes. */
export function EventsTab({ run }: { run: Run }) {
  const [filter, set] = useLogFilter();
  const client = useQueryClient();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(logPagesQuery(run.id, filter));
  useQuery({ ...newLinesQuery(client, run.id, filter), enabled: data !== undefined });
  const entries = newestFirst(data?.pages ?? []);
  return (
    <>
      <h2 className="visually-hidden">Events</h2>
      <div className={classes.head}>
        <Filters run={run} filter={filter} set={set} />
        <Take run={run} filter={filter} text={() => entries.toReversed().map(asText).join("\n")} />
      </div>
      {run.error?.traceback && <Traceback text={run.error.traceback} />}
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={320} role="group" aria-label="Loading the events" />}
      {data && entries.length > 0 && (
        <>
          <p className={classes.count}>
            {count(entries.length)} {entries.length === 1 ? "event" : "events"}
            {hasNextPage ? " so far" : ""}, newest first{isOver(run.state) ? "" : "; new ones come in at the top"}. Times are this browser’s; hover one for all of it.
          </p>
          <LogLines entries={entries} onNarrow={set} />
        </>
      )}
      {data && entries.length === 0 && <p className={classes.none}>{nothing(filter)}</p>}
      {hasNextPage && (
        <Button className={classes.older ?? ""} variant="default" size="sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Older events
        </Button>
      )}
    </>
  );
}

function nothing({ who, level, policy, attempt, q }: LogFilter): string {
  if (who || policy || attempt || q) return "No event fits these filters.";
  return level === "info" ? "Nothing has happened yet." : "Nothing of this level. Good.";
}

function Take({ run, filter, text }: { run: Run; filter: LogFilter; text: () => string }) {
  const { copy, copied } = useClipboard({ timeout: 1_500 });
  return (
    <div className={classes.take}>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="xs" leftSection={<Icon name={copied ? "check" : "download"} size={14} />}>
            {copied ? "Copied" : "Download"}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component="a" href={logFileUrl(run.id, filter, "text")} download>
            As text
          </Menu.Item>
          <Menu.Item component="a" href={logFileUrl(run.id, filter, "jsonl")} download>
            As JSON lines
          </Menu.Item>
          <Menu.Item onClick={() => copy(text())}>Copy what is shown</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <CopyCurl method="GET" path={logFileUrl(run.id, filter, "jsonl")} what="read these events" />
    </div>
  );
}
