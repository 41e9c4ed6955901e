import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { Command } from "../../parts/Command";
import { duration, useNow } from "../../parts/time";
import classes from "./RunHeader.module.css";

/** What the run waits for, how long at most, and the command that helps when it lacks a worker. */
export function Waiting({ run }: { run: Run }) {
  const queued = run.state === "queued";
  const workers = useQuery({ ...workersQuery, enabled: queued }).data?.workers;
  const lacksWorker = queued && workers?.length === 0;
  if (!run.waiting_for && !run.deadline && !lacksWorker) return null;
  return (
    <div className={classes.waiting} role="note">
      <span>{run.waiting_for ?? (lacksWorker ? "no worker is connected" : "waiting for attempts to store their state")}</span>
      {run.deadline && <Countdown to={run.deadline} />}
      {lacksWorker && <Command text="copd workers" />}
    </div>
  );
}

function Countdown({ to }: { to: string }) {
  const left = (Date.parse(to) - useNow()) / 1000;
  return <span className={classes.deadline}>{left > 0 ? `ends by itself in ${duration(left)} at the latest` : "being ended now"}</span>;
}
