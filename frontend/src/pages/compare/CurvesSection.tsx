import { NativeSelect } from "@mantine/core";
import type { Compared } from "../../api/compare";
import type { Comparison } from "../../api/types";
import { useParam } from "../../app/router";
import { Looks, useAxis } from "../../charts/Looks";
import { ComparedChart } from "./ComparedChart";
import classes from "./Compare.module.css";

/** One figure for each question, with a curve for each run. */
export function CurvesSection({ chosen, comparison }: { chosen: readonly Compared[]; comparison: Comparison }) {
  const [policy, setPolicy] = useParam("policy", "merged");
  const x = useAxis();
  const live = comparison.runs.some((run) => run.ended_at === null);
  return (
    <section className={classes.section} aria-labelledby="compared-curves">
      <header className={classes.sectionHead}>
        <h2 id="compared-curves">How do they learn?</h2>
        <div className={classes.controls}>
          <NativeSelect aria-label="Whose curves" data={comparison.policies} value={policy} onChange={(event) => setPolicy(event.currentTarget.value)} />
          <Looks label="Aligned by" />
        </div>
      </header>
      <div className={classes.charts}>
        {comparison.figures.map(({ name, title }) => (
          <ComparedChart key={name} of={{ runs: chosen, name, x, policy }} title={title} live={live} />
        ))}
      </div>
    </section>
  );
}
