import { Skeleton, Tabs } from "@mantine/core";
import { usePrefetchQuery, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef } from "react";
import { ApiError } from "../../api/client";
import { themeQuery } from "../../api/charts";
import { figureListQuery, runQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useParam } from "../../app/router";
import { loadPlotly } from "../../charts/plotly";
import { LiveRunContext, useOpenLiveRun } from "../../live/useLiveRun";
import { announce } from "../../parts/Announcer";
import { PageSkeleton } from "../../parts/PageSkeleton";
import { ProblemAlert } from "../../parts/Problem";
import { useTitle } from "../../parts/useTitle";
import { NotFoundPage } from "../problems/ProblemPages";
import { ExportNotices } from "./checkpoints/ExportNotices";
import { useEndNotice } from "./notify";
import { OverviewTab } from "./overview/OverviewTab";
import { RunHeader } from "./RunHeader";
import { tabTitle } from "./runText";
import { useRunShortcuts } from "./useRunShortcuts";
import { nameOf } from "./weights/names";
import classes from "./RunPage.module.css";

const AgreementTab = lazy(() => import("./agreement/AgreementTab").then((m) => ({ default: m.AgreementTab })));
const WeightsTab = lazy(() => import("./weights/WeightsTab").then((m) => ({ default: m.WeightsTab })));
const RolloutsTab = lazy(() => import("./rollouts/RolloutsTab").then((m) => ({ default: m.RolloutsTab })));
const SystemTab = lazy(() => import("./system/SystemTab").then((m) => ({ default: m.SystemTab })));
const EventsTab = lazy(() => import("./events/EventsTab").then((m) => ({ default: m.EventsTab })));
const CheckpointsTab = lazy(() => import("./checkpoints/CheckpointsTab").then((m) => ({ default: m.CheckpointsTab })));

const TABS = [
  ["overview", "Overview", OverviewTab],
  ["agreement", "Agreement", AgreementTab],
  ["weights", "Distillation weights", WeightsTab],
  ["rollouts", "Rollouts", RolloutsTab],
  ["system", "System", SystemTab],
  ["events", "Events", EventsTab],
  ["checkpoints", "Checkpoints", CheckpointsTab],
] as const;

export function RunPage({ id }: { id: string }) {
  const live = useOpenLiveRun(id);
  // What the first tab needs comes while the run itself is on its way, and then the program that draws: to read it takes a while.
  usePrefetchQuery(figureListQuery(id));
  usePrefetchQuery(themeQuery);
  const { data: run, error, refetch } = useQuery(runQuery(id));
  useEffect(() => void loadPlotly().catch(() => undefined), []); // a chart asks again
  if (error instanceof ApiError && error.status === 404) return <NotFoundPage what={`There is no run ${id}. It may belong to another server.`} />;
  if (error && !run) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!run) return <PageSkeleton />;
  return (
    <LiveRunContext value={live}>
      <LoadedRun run={run} />
    </LiveRunContext>
  );
}

function LoadedRun({ run }: { run: Run }) {
  const [tab, setTab] = useParam("tab", "overview");
  useTitle(tabTitle(run));
  useAnnouncedState(run);
  useEndNotice(run);
  useRunShortcuts(
    run,
    TABS.map(([value, name]) => ({ name, open: () => setTab(value) })),
  );
  return (
    <>
      <RunHeader run={run} />
      <ExportNotices run={run} />
      <Tabs value={tab} onChange={(next) => setTab(next ?? "overview")} keepMounted={false} color="var(--link)" mt="md">
        <Tabs.List aria-label="Parts of the run" className={classes.tabs ?? ""}>
          {TABS.map(([value, name]) => (
            <Tabs.Tab key={value} value={value}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(([value, , Part]) => (
          <Tabs.Panel key={value} value={value} pt="lg">
            <Suspense fallback={<Skeleton role="group" height={420} aria-label="Loading" />}>
              <Part run={run} />
            </Suspense>
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
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
    if (newest && effective.length > seen.current) announce(`${nameOf(newest.path)} is in effect from step ${newest.effective[0]?.step}.`);
    seen.current = effective.length;
  }, [effective]);
}
