import type { WorkerUsage } from "../../api/types";
import { absolute, ago } from "../../parts/time";
import classes from "./WorkersPage.module.css";

/** Workers that were there within the hour and do not report any more. */
export function GoneWorkers({ gone, now }: { gone: readonly WorkerUsage[]; now: number }) {
  if (!gone.length) return null;
  return (
    <section className={classes.more} aria-labelledby="gone-workers">
      <h2 id="gone-workers">Gone within the last hour</h2>
      <ul className={classes.gone}>
        {gone.map(({ worker, host, time }) => (
          <li key={worker}>
            <strong>{worker}</strong> on {host}
            {time.length > 0 && (
              <>
                , <time dateTime={time.at(-1)} title={absolute(time.at(-1) ?? "")}>last seen {ago(time.at(-1) ?? "", now)}</time>
              </>
            )}
          </li>
        ))}
      </ul>
      <p>They were stopped or have been lost. Whatever they were at goes on elsewhere; the run’s events and its System tab say where.</p>
    </section>
  );
}
