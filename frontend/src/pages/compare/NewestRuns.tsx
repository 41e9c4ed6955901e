import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { RunSummary } from "../../api/types";
import { Link } from "../../app/router";
import { useMaySteer } from "../../app/useMaySteer";
import { accuracy } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
import { foundQuery } from "./found";
import classes from "./Compare.module.css";

const SHOWN = 8;
const TICKED = 2;

/** What the page offers while no run is chosen: the newest ones, of which two are ticked. */
export function NewestRuns({ onCompare }: { onCompare: (ids: readonly string[]) => void }) {
  const { data, error, refetch } = useQuery(foundQuery("", SHOWN));
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton role="group" height={320} aria-label="Loading the newest runs" />;
  return data.runs.length < TICKED ? <TooFew run={data.runs[0]} /> : <Choice runs={data.runs} onCompare={onCompare} />;
}

function Choice({ runs, onCompare }: { runs: readonly RunSummary[]; onCompare: (ids: readonly string[]) => void }) {
  const [wanted, setWanted] = useState<ReadonlySet<string> | null>(null);
  const isTicked = ({ id }: RunSummary, place: number): boolean => wanted?.has(id) ?? place < TICKED;
  const ticked = runs.filter(isTicked).map(({ id }) => id);
  const toggle = (id: string): void => setWanted(new Set(ticked.includes(id) ? ticked.filter((each) => each !== id) : [...ticked, id]));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onCompare(ticked);
    // The form is gone: without this, the focus would be too.
    document.getElementById("main")?.focus();
  };
  return (
    <form className={classes.newest} onSubmit={submit}>
      <p>Runs side by side: their curves in one figure, the table of a paper over their seeds, and where their specs differ.</p>
      <fieldset>
        <legend>The newest runs</legend>
        {runs.map((run, place) => (
          <label key={run.id}>
            <input type="checkbox" className={classes.check} checked={isTicked(run, place)} onChange={() => toggle(run.id)} />
            <span>
              {run.name}
              <span>
                {run.method} · {run.state} · {accuracy(run.capability)}
              </span>
            </span>
          </label>
        ))}
      </fieldset>
      <Button type="submit" disabled={ticked.length < 2}>
        {ticked.length < 2 ? "Tick two or more" : `Compare ${ticked.length} runs`}
      </Button>
      <p>Others are found with Add a run, or in the list of runs: select some and press Compare.</p>
    </form>
  );
}

/** Says what to do where there is nothing to compare. */
function TooFew({ run }: { run: RunSummary | undefined }) {
  const maySteer = useMaySteer();
  return (
    <div className={classes.empty}>
      {run ? (
        <p>
          There is one run so far, <Link href={`/runs/${run.id}`}>{run.name}</Link>. Start another, with one thing changed: the method, say, or the seed. Here they
          then stand side by side.
        </p>
      ) : (
        <p>There is no run yet. Start two that differ in one thing, the method or the seed, say: here they then stand side by side.</p>
      )}
      {maySteer && (
        <Button component={Link} href={run ? `/new?from=${run.id}` : "/"} variant="default">
          {run ? "Start another like it" : "To the first run"}
        </Button>
      )}
    </div>
  );
}
