import { Select, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { runsQuery } from "../../api/queries";
import { useParam } from "../../app/router";
import { Icon } from "../../parts/Icon";
import { PageHead } from "../../parts/PageHead";
import { count } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { NoRuns } from "./NoRuns";
import { RunRow } from "./RunRow";
import classes from "./RunsPage.module.css";

const STATES = ["queued", "running", "paused", "completed", "failed", "cancelled"];

export function RunsPage() {
  useTitle("Runs");
  const [search, setSearch] = useParam("search", "");
  const [state, setState] = useParam("state", "");
  const [tag, setTag] = useParam("tag", "");
  const [typed, setTyped] = useState(search);
  const [settled] = useDebouncedValue(typed, 250);
  useEffect(() => setSearch(settled.trim()), [settled, setSearch]);

  const { data, error, refetch } = useQuery(runsQuery({ search, state, tag }));
  const filtered = search !== "" || state !== "" || tag !== "";
  if (data && data.total === 0 && !filtered) return <NoRuns />;

  return (
    <>
      <PageHead title="Runs" total={data && count(data.total)}>
          <TextInput
            aria-label="Search runs"
            placeholder="Search by name"
            leftSection={<Icon name="search" size={16} />}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <Select aria-label="State" placeholder="Any state" data={STATES} value={state || null} onChange={(v) => setState(v ?? "")} clearable w={150} />
          {tag && (
            <button type="button" className={classes.tag} onClick={() => setTag("")} aria-label={`Remove the filter for tag ${tag}`}>
              {tag} <Icon name="x" size={12} />
            </button>
          )}
      </PageHead>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={264} />}
      {data && data.runs.length > 0 && (
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col" className={classes.number}>
                Merged accuracy
              </th>
              <th scope="col" className={classes.number}>
                Created
              </th>
            </tr>
          </thead>
          <tbody>
            {data.runs.map((run) => (
              <RunRow key={run.id} run={run} />
            ))}
          </tbody>
        </table>
      )}
      {data && data.runs.length === 0 && filtered && <p className={classes.none}>No run matches. Change the search or clear the filters.</p>}
    </>
  );
}
