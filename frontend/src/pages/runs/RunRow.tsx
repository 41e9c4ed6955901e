import type { RunSummary } from "../../api/types";
import { Link } from "../../app/router";
import { accuracy } from "../../parts/numbers";
import { ProgressLine } from "../../parts/ProgressLine";
import { StateBadge } from "../../parts/StateBadge";
import { Tags } from "../../parts/Tags";
import { ago, useNow } from "../../parts/time";
import classes from "./RunsPage.module.css";

export function RunRow({ run }: { run: RunSummary }) {
  const now = useNow(15_000);
  return (
    <tr>
      <td className={classes.name}>
        <Link href={`/runs/${run.id}`}>{run.name}</Link>
        <Tags tags={run.tags} />
      </td>
      <td className={classes.state}>
        <StateBadge state={run.state} />
        {run.waiting_for && <span className={classes.waiting}>{run.waiting_for}</span>}
      </td>
      <td className={classes.progress}>
        <ProgressLine progress={run.progress} state={run.state} />
      </td>
      <td className={classes.number} data-label="Merged accuracy">
        {accuracy(run.capability)}
      </td>
      <td className={classes.number} data-label="Created">
        <time dateTime={run.created_at} title={new Date(run.created_at).toLocaleString()}>
          {ago(run.created_at, now)}
        </time>
      </td>
    </tr>
  );
}
