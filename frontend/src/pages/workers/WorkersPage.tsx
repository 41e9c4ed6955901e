import { Alert, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "../../api/queries";
import type { WorkerView } from "../../api/types";
import { Command } from "../../parts/Command";
import { count } from "../../parts/numbers";
import { PageHead } from "../../parts/PageHead";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { useNow } from "../../parts/time";
import { Centered } from "../problems/Centered";
import { WorkerRow } from "./WorkerRow";
import classes from "./WorkersPage.module.css";

function NoWorkers() {
  return (
    <Centered title="No workers">
      <p>Runs wait until a worker is there. On this machine, the stack starts with its own:</p>
      <Command text="copd up" />
      <p>On another machine that reaches this stack’s Redis and checkpoint store (COPD_REDIS_URL and COPD_STORE_URL):</p>
      <Command text="copd workers" />
    </Centered>
  );
}

function SchedulerGone() {
  return (
    <Alert color="red" variant="light" role="alert" title="The scheduler is not there" mb="md">
      Segments that run go on; nothing new is given out until it is back. <code>copd up</code> starts it again by itself; elsewhere look at its log.
    </Alert>
  );
}

/** By name, so that nothing jumps. */
function inOrder(workers: readonly WorkerView[]): WorkerView[] {
  return workers.toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** Who trains, on what, and whether they are alive. */
export function WorkersPage() {
  useTitle("Workers");
  const now = useNow();
  const { data, error, refetch } = useQuery(workersQuery);
  return (
    <>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {data && !data.scheduler_alive && <SchedulerGone />}
      {!data && !error && <Skeleton height={200} />}
      {data?.workers.length === 0 && <NoWorkers />}
      {data && data.workers.length > 0 && (
        <>
          <PageHead title="Workers" total={atWork(data.workers)}>{data.scheduler_alive && <span className={classes.scheduler}>scheduler alive</span>}</PageHead>
          <ul className={classes.workers}>
            {inOrder(data.workers).map((worker) => (
              <WorkerRow key={worker.name} worker={worker} now={now} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function atWork(workers: readonly WorkerView[]): string {
  return `${count(workers.filter((worker) => worker.state === "busy").length)} of ${count(workers.length)} at work`;
}
