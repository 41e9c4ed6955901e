import { NativeSelect, SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { comparedFigureQuery, type Compared } from "../../api/compare";
import type { XAxis } from "../../api/queries";
import type { Comparison } from "../../api/types";
import { useParam } from "../../app/router";
import { StaticChart } from "../../charts/StaticChart";
import { ProblemAlert } from "../../parts/Problem";
import classes from "./Compare.module.css";

const AXES: readonly { value: XAxis; label: string }[] = [
  { value: "step", label: "Steps" },
  { value: "time", label: "Time" },
  { value: "tokens", label: "Tokens" },
];

/** One figure for each question, with a curve for each run. */
export function CurvesSection({ chosen, comparison }: { chosen: readonly Compared[]; comparison: Comparison }) {
  const [axis, setAxis] = useParam("x", "step");
  const [policy, setPolicy] = useParam("policy", "merged");
  const x = AXES.find(({ value }) => value === axis)?.value ?? "step";
  const live = comparison.runs.some((run) => run.ended_at === null);
  return (
    <section className={classes.section} aria-labelledby="compared-curves">
      <header className={classes.sectionHead}>
        <h2 id="compared-curves">How do they learn?</h2>
        <div className={classes.controls}>
          <NativeSelect aria-label="Whose curves" data={comparison.policies} value={policy} onChange={(event) => setPolicy(event.currentTarget.value)} />
          <SegmentedControl aria-label="Aligned by" data={[...AXES]} value={x} onChange={setAxis} />
        </div>
      </header>
      <div className={classes.charts}>
        {comparison.figures.map(({ name, title }) => (
          <ComparedChart key={name} {...{ chosen, name, title, x, policy, live }} />
        ))}
      </div>
    </section>
  );
}

interface ChartProps {
  chosen: readonly Compared[];
  name: string;
  title: string;
  x: XAxis;
  policy: string;
  live: boolean;
}

const HEIGHT = 280;

function ComparedChart({ chosen, name, title, x, policy, live }: ChartProps) {
  const { data: figure, error, refetch } = useQuery(comparedFigureQuery(chosen, name, x, policy, live));
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!figure) return <Skeleton role="group" height={HEIGHT + 60} aria-label={`Loading: ${title}`} />;
  if (figure.data.length === 0) {
    return (
      <section className={classes.nothing} aria-label={figure.title}>
        <h3>{figure.title}</h3>
        <p>{figure.summary}</p>
      </section>
    );
  }
  const missing = chosen.length > figure.data.length;
  return (
    <div className={classes.chart}>
      <StaticChart figure={figure} height={HEIGHT} />
      {missing && <p className={classes.note}>{figure.summary.slice(figure.summary.lastIndexOf(". ") + 2)}</p>}
    </div>
  );
}
