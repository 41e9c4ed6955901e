import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { auditQuery } from "../../api/people";
import type { AuditEntry, Session } from "../../api/types";
import { Link } from "../../app/router";
import { CopyCurl } from "../../parts/CopyCurl";
import { ProblemAlert } from "../../parts/Problem";
import table from "../../parts/Table.module.css";
import { absolute, moment } from "../../parts/time";
import classes from "./People.module.css";

/** What people did to runs, users and tokens, and every login. */
export function Audit({}: { session: Session }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(auditQuery);
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <div className={classes.part}>
      <div className={classes.titled}>
        <h2>Audit log</h2>
        <CopyCurl method="GET" path="/api/v1/audit" what="read the audit log" />
      </div>
      <p className={classes.lead}>What people did to runs, users, tokens and webhooks, and every login, newest first. Nobody can change it.</p>
      {error && !data && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={320} role="group" aria-label="Loading the audit log" />}
      {entries.length > 0 && (
        <div className={table.scroll} tabIndex={0} role="region" aria-label="Audit log">
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col">Run</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <Row key={entry.id} entry={entry} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && (
        <Button variant="default" size="sm" className={classes.older ?? ""} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Older entries
        </Button>
      )}
    </div>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const address: unknown = entry.data["address"];
  return (
    <tr>
      <td title={absolute(entry.time)}>{moment(entry.time)}</td>
      <td>{entry.actor}</td>
      <td className={classes.message}>
        {entry.message}
        {typeof address === "string" && address && <span className={classes.dim}> from {address}</span>}
      </td>
      <td>{entry.run && <Link href={`/runs/${entry.run}?tab=events&who=people`}>{entry.run}</Link>}</td>
    </tr>
  );
}
