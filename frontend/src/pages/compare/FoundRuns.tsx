import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { fetchRuns } from "../../api/runs";
import { accuracy } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
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
  const view = { search, states: [], methods: [], tags: [], sort: "created", descending: true } as const;
  const found = useQuery({
    queryKey: ["runs", "found", search],
    queryFn: ({ signal }) => fetchRuns(view, 0, SHOWN + taken.length, signal),
    placeholderData: keepPreviousData,
  });
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
