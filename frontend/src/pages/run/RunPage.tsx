import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ApiError } from "../../api/client";
import { runQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useParam } from "../../app/router";
import { LiveRunContext, useOpenLiveRun } from "../../live/useLiveRun";
import { announce } from "../../parts/Announcer";
import { PageSkeleton } from "../../parts/PageSkeleton";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { NotFoundPage } from "../problems/ProblemPages";
import { CheckpointsTab } from "./checkpoints/CheckpointsTab";
import { LogTab } from "./log/LogTab";
import { OverviewTab } from "./overview/OverviewTab";
import { RunHeader } from "./RunHeader";
import { tabTitle } from "./runText";
import { WeightsTab } from "./weights/WeightsTab";

const TABS = [
  ["overview", "Overview", OverviewTab],
  ["weights", "Weights", WeightsTab],
  ["log", "Log", LogTab],
  ["checkpoints", "Checkpoints", CheckpointsTab],
] as const;

export function RunPage({ id }: { id: string }) {
  const { data: run, error, refetch } = useQuery(runQuery(id));
  if (error instanceof ApiError && error.status === 404) return <NotFoundPage what={`There is no run ${id}. It may belong to another server.`} />;
  if (error && !run) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!run) return <PageSkeleton />;
  return <LoadedRun run={run} />;
}

function LoadedRun({ run }: { run: Run }) {
  const live = useOpenLiveRun(run.id);
  const [tab, setTab] = useParam("tab", "overview");
  useTitle(tabTitle(run));
  useAnnouncedState(run);
  return (
    <LiveRunContext value={live}>
      <RunHeader run={run} />
      <Tabs value={tab} onChange={(next) => setTab(next ?? "overview")} keepMounted={false} color="var(--link)" mt="md">
        <Tabs.List aria-label="Parts of the run">
          {TABS.map(([value, name]) => (
            <Tabs.Tab key={value} value={value}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(([value, , Part]) => (
          <Tabs.Panel key={value} value={value} pt="lg">
            <Part run={run} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </LiveRunContext>
  );
}

/** Tells screen readers of a change of state, and of an edit that took effect. */
function useAnnouncedState(run: Run): void {
  const state = useRef(run.state);
  const effective = run.edits.filter((edit) => edit.effective.length > 0);
  const seen = useRef(effective.length);
  useEffect(() => {
    if (state.current !== run.state) announce(`The run is ${run.state}.`);
    state.current = run.state;
  }, [run.state]);
  useEffect(() => {
    const newest = effective.at(-1);
    if (newest && effective.length > seen.current) announce(`${newest.path} is in effect from step ${newest.effective[0]?.step}.`);
    seen.current = effective.length;
  }, [effective]);
}
