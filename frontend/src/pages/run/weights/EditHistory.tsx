import type { EditView } from "../../../api/types";
import { setting } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import { clock } from "../../../parts/time";
import { effectText, stageOf } from "./edits";
import facts from "../../../parts/Facts.module.css";
import classes from "./Weights.module.css";

/** Every edit, newest first: who, when, from, to, and how far it got. */
export function EditHistory({ edits, colour }: { edits: readonly EditView[]; colour: (policy: string) => string }) {
  return (
    <section className={classes.card} aria-label="Edits">
      <h2>Edits</h2>
      {edits.length === 0 && <p className={classes.lead}>None yet. Every change is kept here, and marked on every chart at the step it took effect.</p>}
      <ol className={classes.edits}>
        {edits.toReversed().map((edit) => (
          <li key={edit.version} className={classes.edit}>
            <div>
              <What path={edit.path} colour={colour} />
              <span className={classes.change}>
                {setting(edit.old)} → <strong>{setting(edit.value)}</strong>
              </span>
              <span className={classes.author}>
                {edit.author}, {clock(edit.requested_at)}
              </span>
            </div>
            <Stages edit={edit} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function What({ path, colour }: { path: string; colour: (policy: string) => string }) {
  const [kind, student, teacher] = path.split(".");
  if (kind !== "w" || !student || !teacher) return <code>{path}</code>;
  return (
    <span className={classes.edge}>
      <PolicyName name={student} colour={colour(student)} />
      <span aria-label="learns from">←</span>
      <PolicyName name={teacher} colour={colour(teacher)} />
    </span>
  );
}

function Stages({ edit }: { edit: EditView }) {
  const stage = stageOf(edit);
  return (
    <ol className={`${facts.facts} ${classes.stages}`} aria-label="Stages" data-testid="edit-stages">
      <li data-done>requested {clock(edit.requested_at)}</li>
      <li data-done={stage !== "requested" || undefined}>acknowledged{edit.acknowledged_at ? ` ${clock(edit.acknowledged_at)}` : ""}</li>
      <li data-done={stage === "effective" || undefined}>{stage === "effective" ? `effective ${effectText(edit)}` : (edit.expected ?? "effective")}</li>
    </ol>
  );
}
