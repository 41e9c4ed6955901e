import { useQuery } from "@tanstack/react-query";
import { accuracy } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
import { foundQuery } from "./found";
import classes from "./Compare.module.css";

const SHOWN = 20;

interface Props {
  search: string;
  /** These are not offered. */
  taken: readonly string[];
  onPick: (id: string) => void;
}

/** The newest runs that fit the search, to be picked. */
export function FoundRuns({ search, taken, onPick }: Props) {
  const found = useQuery(foundQuery(search, SHOWN + taken.length));
  if (found.error) return <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />;
  const runs = (found.data?.runs ?? []).filter(({ id }) => !taken.includes(id)).slice(0, SHOWN);
  if (found.data && runs.length === 0) return <p className={classes.nothing}>No other run matches.</p>;
  return (
    <ul className={classes.found}>
      {runs.map((run) => (
        <li key={run.id}>
          <button type="button" onClick={() => onPick(run.id)}>
            <span>{run.name}</span>
            <span>
              {run.method} · {run.state} · {accuracy(run.capability)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
