import type { KeptToken } from "../../../api/types";
import { ALONE, probability, signed } from "./reading";
import classes from "./Tokens.module.css";

type Alternatives = KeptToken["top"];

/** What student and teacher thought of a token, and what each would rather have said. */
export function TokenCard({ id, token, by }: { id: string; token: KeptToken; by: string }) {
  const teacher = by === ALONE ? undefined : token.teachers?.[by];
  return (
    <div id={id} role="tooltip" className={classes.card}>
      <p className={classes.cardHead}>
        <code>{visible(token.name)}</code>
        {teacher && (
          <span>
            gap {signed(teacher.gap)} nats: {sentence(teacher.gap, by)}
          </span>
        )}
      </p>
      <div className={classes.columns}>
        <Side name="student" logProb={token.log_prob} top={token.top} said={token.name} />
        {teacher && <Side name={by} logProb={teacher.log_prob} top={teacher.top} said={token.name} />}
      </div>
      <p className={classes.cardFoot}>The student&rsquo;s entropy here: {token.entropy.toFixed(2)} nats</p>
    </div>
  );
}

function Side({ name, logProb, top, said }: { name: string; logProb: number; top: Alternatives; said: string }) {
  return (
    <div>
      <p className={classes.side}>
        {name} <strong>{probability(logProb)}</strong>
      </p>
      <ol className={classes.alternatives}>
        {top?.map((each, place) => (
          <li key={place} data-said={each.text === said || undefined}>
            <code>{visible(each.text)}</code>
            <span>{probability(each.log_prob)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function sentence(gap: number, teacher: string): string {
  if (Math.abs(gap) < 0.005) return `${teacher} agrees`;
  return gap < 0 ? `${teacher} finds it less likely` : `${teacher} finds it more likely`;
}

/** Spaces and line breaks as signs, so that they can be seen. */
function visible(text: string): string {
  return text.replaceAll("\n", "⏎").replaceAll(" ", "␣");
}
