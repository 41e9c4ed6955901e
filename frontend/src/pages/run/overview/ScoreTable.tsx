import type { Run, Score } from "../../../api/types";
import { accuracy } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import table from "../../../parts/Table.module.css";
import classes from "./Result.module.css";

interface Props {
  run: Run;
  scores: readonly Score[];
  colour: (policy: string) => string;
}

/** Policies × domains: the accuracy, and where its 95 % interval lies between 0 and 1. The best of a domain stands out. */
export function ScoreTable({ run, scores, colour }: Props) {
  const best = new Map(run.domains.map((domain) => [domain, Math.max(...scores.filter((s) => s.domain === domain).map((s) => s.accuracy))]));
  const find = (policy: string, domain: string): Score | undefined => scores.find((s) => s.policy === policy && s.domain === domain);
  const policies = run.policies.filter((policy) => scores.some((s) => s.policy === policy.name));
  return (
    <div className={classes.scores} tabIndex={0} role="region" aria-label="Accuracy by policy and domain">
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Policy</th>
            {run.domains.map((domain) => (
              <th scope="col" key={domain}>
                {domain}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {policies.map(({ name, role }) => (
            <tr key={name} data-role={role}>
              <th scope="row">
                <PolicyName name={name} colour={colour(name)} />
              </th>
              {run.domains.map((domain) => {
                const score = find(name, domain);
                return (
                  <td key={domain} data-best={(score && score.accuracy === best.get(domain)) || undefined}>
                    {accuracy(score?.accuracy)}
                    {score && <Interval score={score} colour={colour(name)} />}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Interval({ score: { low, high, accuracy: at }, colour }: { score: Score; colour: string }) {
  const percent = (value: number): string => `${(100 * Math.min(1, Math.max(0, value))).toFixed(2)}%`;
  return (
    <svg className={classes.interval} role="img" aria-label={`95% interval ${accuracy(low)} to ${accuracy(high)}`}>
      <line x1="0" x2="100%" y1="6" y2="6" className={classes.scale} />
      <line x1={percent(low)} x2={percent(high)} y1="6" y2="6" stroke={colour} strokeWidth="3" strokeLinecap="round" />
      <circle cx={percent(at)} cy="6" r="4" fill={colour} />
    </svg>
  );
}
