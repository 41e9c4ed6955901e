import { ALONE, natsText, shade } from "./reading";
import classes from "./Tokens.module.css";

const STEPS = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1];

interface Props {
  by: string;
  limit: number;
  /** The tokens that set the ends: another rollout has other ends. */
  among: string;
}

/** What the colours behind tokens mean, with numbers at its ends. */
export function Legend({ by, limit, among }: Props) {
  const alone = by === ALONE;
  const shown = alone ? STEPS.filter((step) => step >= 0) : STEPS;
  return (
    <div className={classes.legend}>
      <span>{alone ? "likely, 0" : `${by} finds it less likely, −${limit}`}</span>
      <span className={classes.scale} aria-hidden="true">
        {shown.map((step) => (
          <span key={step} style={{ background: shade(step, 1, by) }} />
        ))}
      </span>
      <span>{alone ? `surprising, ${natsText(limit)} and more` : `+${natsText(limit)}, more likely`}</span>
      <span>(scaled to {among})</span>
    </div>
  );
}
