import { Alert, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { usageQuery } from "../../api/machines";
import { workersQuery } from "../../api/queries";
import type { WorkerView } from "../../api/types";
import { Command } from "../../parts/Command";
import { count } from "../../parts/numbers";
import { PageHead } from "../../parts/PageHead";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { useNow } from "../../parts/time";
import { Centered } from "../problems/Centered";
import { GoneWorkers } from "./GoneWorkers";
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

function MoreWorkers() {
  return (
    <section className={classes.more} aria-labelledby="more-workers">
      <h2 id="more-workers">More workers</h2>
      <p>On another machine that reaches this stack’s Redis and checkpoint store (COPD_REDIS_URL and COPD_STORE_URL), this starts one for each GPU, or one for the CPU:</p>
      <Command text="copd workers" />
      <p>
        A worker that does not report for 5 seconds leaves this list. The lease of what it was at ends after 10 seconds; then the segment goes to another worker as its next
        attempt, from the last state that was stored. No number is lost, and after three losses the run fails with the reason.
      </p>
    </section>
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
  const usage = useQuery(usageQuery).data?.workers ?? [];
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
              <WorkerRow key={worker.name} worker={worker} usage={usage.find((each) => each.worker === worker.name)} now={now} />
            ))}
          </ul>
          <MoreWorkers />
        </>
      )}
      {data && <GoneWorkers gone={usage.filter(({ worker }) => !data.workers.some(({ name }) => name === worker))} now={now} />}
    </>
  );
}

function atWork(workers: readonly WorkerView[]): string {
  return `${count(workers.filter((worker) => worker.state === "busy").length)} of ${count(workers.length)} at work`;
}
