import { Button, Skeleton, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { attemptsQuery } from "../../../api/machines";
import type { Run } from "../../../api/types";
import { Link, useParam } from "../../../app/router";
import { CopyCurl } from "../../../parts/CopyCurl";
import { count } from "../../../parts/numbers";
import { ProblemAlert } from "../../../parts/Problem";
import table from "../../../parts/Table.module.css";
import { absolute, duration, moment, useNow } from "../../../parts/time";
import { attemptRows, between, tryText, type AttemptRow } from "./systemText";
import classes from "./SystemTab.module.css";

const FIRST_ROWS = 30;

/** Every try at a segment: where it ran, how long it waited and worked, and what became of it. */
export function AttemptsTable({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(attemptsQuery(run.id));
  const [only, setOnly] = useParam("attempts", "");
  const [all, setAll] = useState(false);
  const rows = attemptRows(data?.attempts ?? []);
  const troubled = rows.filter((row) => row.isTroubled);
  const wanted = only === "troubled" ? troubled : rows;
  const shown = all ? wanted : wanted.slice(0, FIRST_ROWS);
  return (
    <section className={classes.section} aria-labelledby="system-attempts">
      <header className={classes.head}>
        <div>
          <h2 id="system-attempts">Attempts</h2>
          <p>{summary(rows.length, troubled.length)}</p>
        </div>
        <div className={classes.tools}>
          <Switch
            label="Only lost, failed and repeated"
            size="sm"
            checked={only === "troubled"}
            onChange={(event) => setOnly(event.currentTarget.checked ? "troubled" : "")}
          />
          <CopyCurl method="GET" path={`/api/v1/runs/${run.id}/attempts`} what="list the attempts" />
        </div>
      </header>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={240} role="group" aria-label="Loading the attempts" />}
      {data && shown.length === 0 && <p className={table.none}>{only ? "None was lost, failed or repeated. Good." : "No segment has been sent to a worker yet."}</p>}
      {shown.length > 0 && <Rows run={run} rows={shown} />}
      {wanted.length > shown.length && (
        <Button variant="default" size="xs" className={classes.more ?? ""} onClick={() => setAll(true)}>
          Show all {count(wanted.length)}
        </Button>
      )}
    </section>
  );
}

function summary(all: number, troubled: number): string {
  if (!all) return "Each try at a segment of the plan stands here.";
  const lost = troubled ? `${count(troubled)} lost, failed or repeated after that` : "none lost or failed";
  return `${count(all)} ${all === 1 ? "try" : "tries"} at segments, ${lost}. A lost one goes on elsewhere from the last state it had stored.`;
}

function Rows({ run, rows }: { run: Run; rows: readonly AttemptRow[] }) {
  const now = useNow();
  return (
    <div className={table.scroll} tabIndex={0} role="region" aria-label="Table of attempts">
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Segment</th>
            <th scope="col">Worker</th>
            <th scope="col">State</th>
            <th scope="col" className={classes.number}>
              Steps
            </th>
            <th scope="col" className={classes.number}>
              Waited
            </th>
            <th scope="col" className={classes.number}>
              Worked
            </th>
            <th scope="col">Sent</th>
            <th scope="col">What happened</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} run={run} row={row} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ run, row, now }: { run: Run; row: AttemptRow; now: number }) {
  const waited = between(row.sent_at, row.started_at ?? row.ended_at, now);
  const worked = between(row.started_at, row.ended_at, now);
  return (
    <tr>
      <th scope="row">
        <span className={classes.segment}>{row.segment}</span>
        {row.of > 1 && <span className={classes.try}>{tryText(row)}</span>}
      </th>
      <td>{row.worker}</td>
      <td className={classes.state} data-state={row.state}>
        {row.state}
      </td>
      <td className={classes.number}>{row.stored_step == null ? `from ${row.start_step}` : `${row.start_step} → ${row.stored_step}`}</td>
      <td className={classes.number}>{waited === null ? "–" : seconds(waited)}</td>
      <td className={classes.number}>{worked === null ? "–" : seconds(worked)}</td>
      <td>
        <time dateTime={row.sent_at} title={absolute(row.sent_at)}>
          {moment(row.sent_at)}
        </time>
      </td>
      <td className={classes.why}>
        {row.error && <>{row.error} </>}
        <Link href={`/runs/${run.id}?tab=events&attempt=${row.id}`} aria-label={`Events of ${row.segment}, attempt ${row.number}`}>
          Events
        </Link>
      </td>
    </tr>
  );
}

function seconds(value: number): string {
  return value < 10 ? `${Math.max(0, value).toFixed(1)} s` : duration(value);
}
