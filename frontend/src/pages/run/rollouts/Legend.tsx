import { ALONE, shade } from "./reading";
import classes from "./Tokens.module.css";

const STEPS = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1];

/** What the colours behind tokens mean, with numbers at its ends. */
export function Legend({ by, limit }: { by: string; limit: number }) {
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
      <span>{alone ? `surprising, ${limit} nats and more` : `+${limit} nats, more likely`}</span>
    </div>
  );
}
