import { NativeSelect, SegmentedControl } from "@mantine/core";
import type { Compared } from "../../api/compare";
import type { XAxis } from "../../api/queries";
import type { Comparison } from "../../api/types";
import { useParam } from "../../app/router";
import { SmoothingControl } from "../../charts/SmoothingControl";
import { ComparedChart } from "./ComparedChart";
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
          <SmoothingControl />
          <NativeSelect aria-label="Whose curves" data={comparison.policies} value={policy} onChange={(event) => setPolicy(event.currentTarget.value)} />
          <SegmentedControl aria-label="Aligned by" data={[...AXES]} value={x} onChange={setAxis} />
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
