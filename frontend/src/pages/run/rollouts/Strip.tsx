import { useCallback } from "react";
import type { ProbeAnswer, ProbeHistory, Run } from "../../../api/types";
import { useParam } from "../../../app/router";
import { StepSlider } from "../../../charts/StepSlider";
import { Icon } from "../../../parts/Icon";
import { PolicyName } from "../../../parts/PolicyName";
import { course, reward, verdict } from "./reading";
import { setParams } from "./useFilter";
import detail from "./Detail.module.css";
import classes from "./Strip.module.css";

const MARKS = { right: "check", partly: "arrow", wrong: "x" } as const;

interface Props {
  run: Run;
  history: ProbeHistory;
  colour: (policy: string) => string;
}

/** Right and wrong of every policy, step by step, and in words what each said at one of them. */
export function Strip({ run, history, colour }: Props) {
  const [chosen, choose] = useParam("step", "");
  const { steps, total_steps: total } = history;
  const found = steps.indexOf(Number(chosen || -1));
  const index = found < 0 ? steps.length - 1 : found;
  const step = steps[index] ?? 0;
  const pick = useCallback((i: number): void => choose(i >= steps.length - 1 ? "" : String(steps[i])), [choose, steps]);
  const rows = run.policies
    .map(({ name }) => ({ name, answers: history.answers.filter(({ policy }) => policy === name) }))
    .filter(({ answers }) => answers.length > 0);
  const said = rows.flatMap(({ answers }) => answers.findLast((answer) => answer.step <= step) ?? []);
  return (
    <>
      <StepSlider steps={steps} index={index} isNewest={found < 0} onPick={pick} />
      <div className={classes.scroll} role="region" aria-label="Right and wrong by step" tabIndex={0}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Policy</th>
              {steps.map((each, i) => (
                <th key={each} scope="col" data-chosen={i === index || undefined}>
                  {each}
                </th>
              ))}
              <th scope="col" className={classes.course}>
                In all
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, answers }) => (
              <tr key={name}>
                <th scope="row">
                  <PolicyName name={name} colour={colour(name)} />
                </th>
                {steps.map((each, i) => (
                  <td key={each} data-chosen={i === index || undefined} onClick={() => pick(i)}>
                    <Mark answer={answers.find((answer) => answer.step === each)} />
                  </td>
                ))}
                <td className={classes.course}>{course(answers)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {steps.length < total && (
        <p className={detail.dim}>
          {steps.length} of {total} steps are shown, the first and the last among them.
        </p>
      )}
      <div className={detail.completions}>
        {said.map((answer) => (
          <Answer key={answer.policy} answer={answer} at={step} colour={colour(answer.policy)} />
        ))}
      </div>
    </>
  );
}

function Mark({ answer }: { answer: ProbeAnswer | undefined }) {
  if (!answer) return <span className="visually-hidden">not asked</span>;
  const said = verdict(answer.reward);
  return (
    <span className={classes.mark} data-verdict={said} title={answer.completion}>
      <Icon name={MARKS[said]} size={14} />
      <span className="visually-hidden">{said}</span>
    </span>
  );
}

function Answer({ answer, at, colour }: { answer: ProbeAnswer; at: number; colour: string }) {
  const said = verdict(answer.reward);
  const { rollout } = answer;
  return (
    <section className={detail.completion} aria-label={answer.policy}>
      <header className={detail.completionHead}>
        <h3>
          <PolicyName name={answer.policy} colour={colour} />
        </h3>
        <span className={detail.verdict} data-verdict={said}>
          <Icon name={MARKS[said]} size={14} /> {said === "partly" ? `reward ${reward(answer.reward)}` : said}
        </span>
      </header>
      <p className={classes.answer}>
        <code>{answer.completion || "(nothing)"}</code>
      </p>
      <p className={detail.reason}>{answer.reason}</p>
      <ul className={detail.facts}>
        {answer.step !== at && <li>asked at step {answer.step}</li>}
        {typeof rollout === "number" && (
          <li>
            <button type="button" className={classes.link} onClick={() => setParams({ view: "", rollout: String(rollout), prompt: "", step: "" })}>
              A sampled answer, token by token
            </button>
          </li>
        )}
      </ul>
    </section>
  );
}
