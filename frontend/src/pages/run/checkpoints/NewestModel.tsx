import type { ExportView, ListedCheckpoint, Run } from "../../../api/types";
import { bytes } from "../../../parts/numbers";
import { exportOf } from "./checkpointText";
import { Export } from "./Export";
import classes from "./Checkpoints.module.css";

/** The model one would take home now, before all the checkpoints it is one of. */
export function NewestModel({ run, all, exports }: { run: Run; all: readonly ListedCheckpoint[]; exports: readonly ExportView[] }) {
  const merged = run.policies.find(({ role }) => role === "merged")?.name;
  if (merged === undefined) return null;
  const newest = all.filter(({ policy }) => policy === merged).toSorted((a, b) => b.step - a.step)[0];
  return (
    <section className={classes.newest} aria-label="Newest merged model">
      <div>
        <h3>Newest merged model</h3>
        <p className={classes.dim}>
          {newest
            ? `Step ${newest.step}, the end of round ${newest.round} of ${run.progress.rounds}, ${bytes(newest.bytes)}. An export is a plain Hugging Face folder in a .zip, which is downloaded as soon as it is made.`
            : "The first comes at the end of round 1. Any checkpoint below can be exported until then."}
        </p>
      </div>
      {newest && (
        <div className={classes.actions}>
          <Export run={run} checkpoint={newest} made={exportOf(exports, newest)} name={`the newest merged model, step ${newest.step}`} isMain />
        </div>
      )}
    </section>
  );
}
