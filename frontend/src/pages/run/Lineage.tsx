import type { Run } from "../../api/types";
import { Link } from "../../app/router";
import classes from "./RunHeader.module.css";

/** Which run this one goes on from, and which go on from it. */
export function Lineage({ run }: { run: Run }) {
  if (!run.forked_from && !run.forks.length) return null;
  return (
    <div className={classes.lineage}>
      {run.forked_from && (
        <span>
          Goes on from the end of round {run.forked_from.round} of <Link href={`/runs/${run.forked_from.run}`}>{run.forked_from.run}</Link>
        </span>
      )}
      {run.forks.map((fork) => (
        <span key={fork.run}>
          Forked at the end of round {fork.round}: <Link href={`/runs/${fork.run}`}>{fork.name}</Link>
        </span>
      ))}
    </div>
  );
}
