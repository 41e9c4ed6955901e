import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { resultQuery } from "../../../api/queries";
import type { ResultCard, Run } from "../../../api/types";
import { accuracy, count, pointsBetween } from "../../../parts/numbers";
import { usePolicyColours } from "../../../parts/policyColour";
import { ProblemAlert } from "../../../parts/Problem";
import { duration } from "../../../parts/time";
import { ResultActions } from "./ResultActions";
import { ScoreTable } from "./ScoreTable";
import classes from "./Result.module.css";

/** What came of a finished run: it leads the page. */
export function ResultSection({ run }: { run: Run }) {
  const { data: result, error, refetch } = useQuery(resultQuery(run.id));
  const colour = usePolicyColours(run.policies);
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (!result) return <Skeleton height={420} />;
  return (
    <section className={classes.card} aria-label="Result">
        <div className={classes.headline}>
          <Headline result={result} />
          <ResultActions run={run} result={result} />
        </div>
        <div className={classes.columns}>
          <ScoreTable run={run} scores={result.scores} colour={colour} />
          <Facts result={result} />
        </div>
    </section>
  );
}

function Headline({ result }: { result: ResultCard }) {
  const { base_mean: base, merged_mean: merged, merged_mean_se: se, best_mean: best } = result;
  if (base == null || merged == null) return <h2>Finished. The merged model was not evaluated.</h2>;
  return (
    <h2>
      <span className={classes.big}>
        {accuracy(base)} → {accuracy(merged)}
      </span>
      <span className={merged < base ? classes.loss : classes.gain}>
        {pointsBetween(base, merged)}
        {se != null && ` ± ${(196 * Math.hypot(se, meanError(result, "base"))).toFixed(1)}`} points
      </span>
      <span className={classes.what}>
        mean accuracy over the domains, base → merged at step {result.step}
        {best != null && best > merged && ` · the merged model was best at step ${result.best_step}: ${accuracy(best)}`}
      </span>
    </h2>
  );
}

/** Standard error of a policy's mean over the domains. */
function meanError({ scores }: ResultCard, policy: string): number {
  const errors = scores.filter((score) => score.policy === policy).map((score) => score.se);
  return errors.length ? Math.hypot(...errors) / errors.length : 0;
}

function Facts({ result }: { result: ResultCard }) {
  const total = (of: "rollouts" | "tokens" | "optimizer_steps"): string => count(result.budgets.reduce((sum, budget) => sum + budget[of], 0));
  const facts: [string, string][] = [
    ["Best expert’s mean", result.best_expert ? `${result.best_expert}, ${accuracy(result.best_expert_mean)}` : "–"],
    ["Your edits", String(result.edits)],
    ["Wall time", duration(result.wall_seconds)],
    ["Optimizer steps", total("optimizer_steps")],
    ["Rollouts", total("rollouts")],
    ["Tokens", total("tokens")],
    ["Merged weights", result.digest?.slice(0, 12) ?? "–"],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
