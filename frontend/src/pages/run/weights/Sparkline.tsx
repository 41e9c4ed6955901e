import { setting } from "../../../parts/numbers";
import type { Knot } from "./schedule";
import classes from "./Weights.module.css";

const TOP = 3;

interface Props {
  knots: readonly Knot[];
  /** The student's step now. */
  now: number;
  width: number;
  height: number;
}

/** A weight over the steps of its student: what was as a line, what is to come dashed. */
export function Sparkline({ knots, now, width, height }: Props) {
  const last = Math.max(2, knots.at(-1)?.step ?? 2);
  const most = Math.max(1, ...knots.map((knot) => knot.weight));
  const x = (step: number): number => ((step - 1) / (last - 1)) * width;
  const y = (weight: number): number => height - TOP - (weight / most) * (height - 2 * TOP);
  const path = knots.map((knot, i) => `${i === 0 ? "M" : "L"}${x(knot.step).toFixed(1)} ${y(knot.weight).toFixed(1)}`).join("");
  const here = Math.min(width, Math.max(0, x(now)));
  const end = knots.at(-1);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} className={classes.sparkline} role="img" aria-label={`The weight over ${last} steps, from ${setting(knots[0]?.weight)} to ${setting(end?.weight)}`}>
      <line x1={0} x2={width} y1={y(0)} y2={y(0)} className={classes.ground} />
      <svg x={0} y={0} width={here} height={height} viewBox={`0 0 ${Math.max(here, 0.1)} ${height}`}>
        <path d={path} className={classes.past} />
      </svg>
      <svg x={here} y={0} width={Math.max(width - here, 0)} height={height} viewBox={`${here} 0 ${Math.max(width - here, 0.1)} ${height}`}>
        <path d={path} className={classes.future} />
      </svg>
      <line x1={here} x2={here} y1={0} y2={height} className={classes.now} />
    </svg>
  );
}
