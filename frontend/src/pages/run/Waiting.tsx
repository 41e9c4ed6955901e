import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { Command } from "../../parts/Command";
import { duration, useNow } from "../../parts/time";
import classes from "./RunHeader.module.css";

/** What the run waits for, and how long at most. */
export function Waiting({ run }: { run: Run }) {
  return (
    <span role="note" className={classes.notice}>
      {run.waiting_for ?? (run.state === "queued" ? "a worker is being looked for" : "waiting for attempts to store their state")}
      {run.deadline && <Countdown to={run.deadline} />}
    </span>
  );
}

function Countdown({ to }: { to: string }) {
  const left = (Date.parse(to) - useNow()) / 1000;
  return <>, {left > 0 ? `ends by itself in ${duration(left)} at the latest` : "being ended now"}</>;
}

/** The command that helps a run that lacks a worker. */
export function LacksWorker({ run }: { run: Run }) {
  return (
    <div className={classes.lacking} role="note">
      <span>{run.waiting_for ?? "no worker is connected"}</span>
      <Command text="copd workers" />
    </div>
  );
}

export function useLacksWorker({ state }: Run): boolean {
  const queued = state === "queued";
  return useQuery({ ...workersQuery, enabled: queued }).data?.workers.length === 0 && queued;
}
