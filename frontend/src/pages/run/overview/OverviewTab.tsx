import { useQuery } from "@tanstack/react-query";
import { figureListQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { AgreementChart } from "../../../charts/AgreementChart";
import { FigureChart } from "../../../charts/FigureChart";
import { Looks, useAxis } from "../../../charts/Looks";
import { PageSkeleton } from "../../../parts/PageSkeleton";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { waitingText } from "../runText";
import { FactsRow } from "./FactsRow";
import { FailedBanner } from "./FailedBanner";
import { PlanAhead } from "./PlanAhead";
import { Probes } from "./Probes";
import { ResultSection } from "./ResultSection";
import { WorkNow } from "./WorkNow";
import classes from "./OverviewTab.module.css";

const HEIGHTS: Record<string, number> = { capability: 280, agreement: 290, timeline: 240 };

export function OverviewTab({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(figureListQuery(run.id));
  const x = useAxis();
  const colour = usePolicyColours(run.policies);
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data) return <PageSkeleton />;
  const group = (name: string): string => (name === "timeline" ? name : name.startsWith("capability.") ? "capability" : "other");
  const charts = (wanted: string) =>
    data.figures
      .filter(({ name, tab }) => tab === "overview" && group(name) === wanted)
      .map(({ name, title }) => {
        const props = { runId: run.id, title, waiting: waitingText(name, run), height: HEIGHTS[name.split(".")[0] ?? ""] ?? 310 };
        return name === "agreement" ? <AgreementChart key={name} {...props} /> : <FigureChart key={name} {...props} name={name} x={x} />;
      });
  return (
    <div className={classes.overview}>
      {run.error && <FailedBanner run={run} error={run.error} />}
      {run.state === "completed" && <ResultSection run={run} />}
      <FactsRow run={run} />
      <PlanAhead run={run} />
      <h2 className="visually-hidden">Curves</h2>
      <div className={classes.tools}>
        <WorkNow run={run} />
        <Looks />
      </div>
      <div className={classes.thirds}>{charts("capability")}</div>
      <div className={classes.halves}>{charts("other")}</div>
      {charts("timeline")}
      {run.state === "completed" && <Probes run={run} colour={colour} />}
    </div>
  );
}
