import { Slider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { comparedAgreementQuery, type Compared } from "../../api/compare";
import type { AgreementHistory, ComparedRun, Comparison } from "../../api/types";
import { useParam } from "../../app/router";
import { asOf, told, type AsOf } from "../../charts/matrices";
import { ProblemAlert } from "../../parts/Problem";
import { Heat } from "./Heat";
import { RunMark } from "./RunMark";
import classes from "./Compare.module.css";

/** The agreement matrices beside each other, each as it was at one step: at first the newest that all have come to. */
export function AgreementSection({ chosen, comparison }: { chosen: readonly Compared[]; comparison: Comparison }) {
  const live = comparison.runs.some((run) => run.ended_at === null);
  const { data, error, refetch } = useQuery(comparedAgreementQuery(chosen, live));
  const [at, setAt] = useParam("at", "");
  const steps = data?.steps ?? [];
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!data || steps.length === 0) return null;
  const last = steps.length - 1;
  const common = Math.min(...Object.values(data.histories).flatMap((history) => history.steps.at(-1) ?? []));
  const upTo = (wanted: number): number => Math.max(0, steps.findLastIndex((step) => step <= wanted));
  const index = upTo(at === "" ? common : Number(at));
  const step = steps[index] ?? 0;
  return (
    <section className={classes.section} aria-labelledby="compared-agreement">
      <header className={classes.sectionHead}>
        <h2 id="compared-agreement">Where do the experts still think alike?</h2>
        <output className={classes.step}>step {step}</output>
      </header>
      <Slider
        className={classes.slider}
        min={0}
        max={Math.max(1, last)}
        value={index}
        disabled={last < 1}
        onChange={(i) => setAt(i === upTo(common) ? "" : String(steps[i]))}
        label={null}
        thumbLabel="Step"
        thumbProps={{ "aria-valuetext": `step ${step}` }}
      />
      <div className={classes.matrices}>
        {comparison.runs.map((run) => {
          const history = data.histories[run.id];
          return history && <RunMatrix key={run.id} run={run} history={history} step={step} />;
        })}
      </div>
    </section>
  );
}

function RunMatrix({ run, history, step }: { run: ComparedRun; history: AgreementHistory; step: number }) {
  const shown = asOf(history, step);
  return (
    <figure className={classes.matrix}>
      <figcaption>
        <RunMark colour={run.colour} dash={run.dash} />
        <span>{run.name}</span>
      </figcaption>
      {shown ? <Heat history={history} shown={shown} name={run.name} /> : <p className={classes.note}>Its experts were not compared by this step.</p>}
      {shown && <p className={classes.note}>{inWords(history, shown, step)}</p>}
    </figure>
  );
}

function inWords(history: AgreementHistory, { step, matrix }: AsOf, wanted: number): string {
  const words = told(matrix, history);
  if (!words) return "Not measured yet.";
  const { mean, lowest } = words;
  const asOf = step < wanted ? `Only as of step ${step}, its newest by then` : `As of step ${step}`;
  return `${asOf}: mean ${mean.toFixed(2)}, least alike ${lowest.student} ← ${lowest.teacher}, ${lowest.value.toFixed(2)}.`;
}
