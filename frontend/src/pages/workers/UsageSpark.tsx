import type { WorkerUsage } from "../../api/types";
import { percentage } from "../../parts/numbers";
import { curvePaths } from "./sparkline";
import classes from "./WorkersPage.module.css";

const WIDTH = 200;
const HEIGHT = 26;

/** A share in [0, 1] over the last hour, with its highest; how it is now stands among the worker's facts. */
export function UsageSpark({ name, usage, values, minutes }: { name: string; usage: WorkerUsage; values: readonly (number | null)[]; minutes: number }) {
  const known = values.filter((value) => value !== null);
  const now = known.at(-1);
  if (now === undefined) return null;
  const end = Date.now();
  const at = usage.time.map((time) => 1 - (end - Date.parse(time)) / (minutes * 60_000));
  const paths = curvePaths(at, values, (3.5 * usage.seconds) / (minutes * 60), WIDTH, HEIGHT);
  const most = percentage(Math.max(...known));
  const words = `${name} over the last ${minutes === 60 ? "hour" : `${minutes} minutes`}: ${percentage(now)} at the end, ${most} at the most`;
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
    </div>
  );
}
