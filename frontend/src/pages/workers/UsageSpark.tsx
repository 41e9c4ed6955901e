import type { WorkerUsage } from "../../api/types";
import { percentage } from "../../parts/numbers";
import { curvePaths } from "./sparkline";
import classes from "./WorkersPage.module.css";

const WIDTH = 200;
const HEIGHT = 26;

interface Props {
  name: string;
  usage: WorkerUsage;
  values: readonly (number | null)[];
  /** How far back the line goes. */
  minutes: number;
  now: number;
}

/** A share in [0, 1] over the last minutes, with its highest; how it is now stands among the worker's facts. */
export function UsageSpark({ name, usage, values, minutes, now }: Props) {
  const known = values.filter((value) => value !== null);
  const newest = known.at(-1);
  if (newest === undefined) return null;
  const at = usage.time.map((time) => 1 - (now - Date.parse(time)) / (minutes * 60_000));
  const paths = curvePaths(at, values, (3.5 * usage.seconds) / (minutes * 60), WIDTH, HEIGHT);
  const most = percentage(Math.max(...known));
  const words = `${name} over the last ${minutes} minutes: ${percentage(newest)} at the end, ${most} at the most`;
  return (
    <div className={classes.spark}>
      <span className={classes.sparkName}>{name}</span>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} className={classes.floor} />
        {paths.map((path) => (
          <path key={path} d={path} className={classes.trace} />
        ))}
      </svg>
      <span className={classes.sparkMost}>max {most}</span>
      <span className={classes.ends} aria-hidden="true">
        <span>{minutes} min ago</span>
        <span>now</span>
      </span>
    </div>
  );
}
