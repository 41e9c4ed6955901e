import { NativeSelect } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { comparedFigureQuery, type Compared } from "../../api/compare";
import type { Comparison } from "../../api/types";
import { useParam } from "../../app/router";
import { Looks, useAxis } from "../../charts/Looks";
import { ComparedChart } from "./ComparedChart";
import { missingText } from "./missing";
import classes from "./Compare.module.css";

/** One figure for each question, with a curve for each run. */
export function CurvesSection({ chosen, comparison }: { chosen: readonly Compared[]; comparison: Comparison }) {
  const [policy, setPolicy] = useParam("policy", "merged");
  const x = useAxis();
  const live = comparison.runs.some((run) => run.ended_at === null);
  const figures = comparison.figures.map(({ name, title }) => ({ of: { runs: chosen, name, x, policy }, title }));
  // Each chart fetches its own; here they are only read.
  const fetched = useQueries({ queries: figures.map(({ of }) => ({ ...comparedFigureQuery(of, live), enabled: false })) });
  const missing = missingText(comparison.runs, fetched.flatMap(({ data, isPlaceholderData }) => (data && !isPlaceholderData ? data : [])));
  return (
    <section className={classes.section} aria-labelledby="compared-curves">
      <header className={classes.sectionHead}>
        <div className={classes.question}>
          <h2 id="compared-curves">How do they learn?</h2>
          {missing.length > 0 && <p className={classes.note}>{missing.join(" ")}</p>}
        </div>
        <div className={classes.controls}>
          <NativeSelect aria-label="Whose curves" data={comparison.policies} value={policy} onChange={(event) => setPolicy(event.currentTarget.value)} />
          <Looks label="Aligned by" />
        </div>
      </header>
      <div className={classes.charts}>
        {figures.map(({ of, title }) => (
          <ComparedChart key={of.name} of={of} title={title} live={live} />
        ))}
      </div>
    </section>
  );
}
