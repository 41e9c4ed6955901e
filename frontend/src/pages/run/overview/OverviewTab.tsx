import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { figureListQuery, type XAxis } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { AgreementChart } from "../../../charts/AgreementChart";
import { FigureChart } from "../../../charts/FigureChart";
import { SmoothingControl } from "../../../charts/SmoothingControl";
import { PageSkeleton } from "../../../parts/PageSkeleton";
import { ProblemAlert } from "../../../parts/Problem";
import { waitingText } from "../runText";
import { FactsRow } from "./FactsRow";
import { FailedBanner } from "./FailedBanner";
import { PlanAhead } from "./PlanAhead";
import { ResultSection } from "./ResultSection";
import { WorkNow } from "./WorkNow";
import classes from "./OverviewTab.module.css";

const AXES: { value: XAxis; label: string }[] = [
  { value: "step", label: "Steps" },
  { value: "time", label: "Time" },
  { value: "tokens", label: "Tokens" },
];
const HEIGHTS: Record<string, number> = { capability: 280, agreement: 290, timeline: 240 };

export function OverviewTab({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(figureListQuery(run.id));
  const [axis, setAxis] = useParam("x", "step");
  const x = AXES.find((a) => a.value === axis)?.value ?? "step";
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
        <div className={classes.looks}>
          <SmoothingControl />
          <SegmentedControl aria-label="Horizontal axis" size="xs" data={AXES} value={x} onChange={setAxis} />
        </div>
      </div>
      <div className={classes.thirds}>{charts("capability")}</div>
      <div className={classes.halves}>{charts("other")}</div>
      {charts("timeline")}
    </div>
  );
}
