import { Button, Loader } from "@mantine/core";
import type { ReactNode } from "react";
import type { FieldProblem, SpecCheck } from "../../api/types";
import { Icon } from "../../parts/Icon";
import { count } from "../../parts/numbers";
import { ProblemAlert } from "../../parts/Problem";
import { Estimates } from "./Estimates";
import { lineAt, placeOf } from "./locate";
import { PlanChart } from "./PlanChart";
import type { Checked } from "./useSpecCheck";
import classes from "./NewRunPage.module.css";

interface Props extends Checked {
  text: string;
  onShow: (problem: FieldProblem) => void;
  /** What belongs below the plan. */
  children?: ReactNode;
}

function Problems({ problems, text, onShow }: { problems: readonly FieldProblem[]; text: string; onShow: (problem: FieldProblem) => void }) {
  return (
    <ol className={classes.problems} aria-label="Problems">
      {problems.map((problem) => (
        <li key={problem.field + problem.message}>
          <button type="button" onClick={() => onShow(problem)}>
            <span className={classes.where}>
              {problem.field ? <code>{problem.field}</code> : "the text"} · line {lineAt(text, placeOf(text, problem).from)}
            </span>
            {problem.message}
          </button>
        </li>
      ))}
    </ol>
  );
}

function totalsOf(check: SpecCheck): [string, string][] {
  const rounds = Math.max(0, ...check.segments.map((s) => s.round + 1));
  return [
    ["Rounds", count(rounds)],
    ["Steps of all experts", count(check.total_steps)],
    ["Rollouts", count(check.rollouts)],
    ["Segments", count(check.segments.length)],
  ];
}

/** What the server says of the text: what is wrong and where, or the plan it leads to. */
export function CheckPanel({ check, pending, error, text, onShow, children }: Props) {
  const problems = check && !check.valid ? check.errors : [];
  return (
    <section className={classes.panel} aria-label="Plan" aria-busy={pending} tabIndex={0}>
      <h2 className={classes.verdict} data-wrong={problems.length > 0 || error !== null || undefined}>
        <span role="status">{verdict(check, error)}</span>
        {pending && <Loader role="status" size={14} aria-label="Checking" />}
      </h2>
      {error && <ProblemAlert error={error} />}
      {!error && problems.length > 0 && <Problems problems={problems} text={text} onShow={onShow} />}
      {!error && check?.valid && (
        <>
          {check.estimate && <Estimates estimate={check.estimate} totals={totalsOf(check)} />}
          <PlanChart segments={check.segments} policies={check.policies} />
        </>
      )}
      {children}
    </section>
  );
}

function verdict(check: SpecCheck | undefined, error: Error | null): string {
  if (error) return "Not checked";
  if (!check) return "Checking …";
  if (check.valid) return "The plan";
  return check.errors.length === 1 ? "One thing to put right" : `${check.errors.length} things to put right`;
}

export function SubmitButton({ loading, onClick }: { loading: boolean; onClick: () => void }) {
  return (
    <Button loading={loading} onClick={onClick} leftSection={<Icon name="play" size={16} />} title="Ctrl or Cmd + Enter">
      Start run
    </Button>
  );
}
