import { Button } from "@mantine/core";
import { editRequest, type Value } from "../../../api/steering";
import type { EditView } from "../../../api/types";
import { CopyCurl } from "../../../parts/CopyCurl";
import { setting } from "../../../parts/numbers";
import { PolicyName } from "../../../parts/PolicyName";
import { clock } from "../../../parts/time";
import { isOver } from "../runText";
import { effectText, firstEffect, stageOf } from "./edits";
import { edgeOf, nameOf } from "./names";
import type { Steering } from "./useSteering";
import facts from "../../../parts/Facts.module.css";
import classes from "./Weights.module.css";

/** Every edit, newest first: who, when, from, to, how far it got, and the way back. */
export function EditHistory({ steering, colour }: { steering: Steering; colour: (policy: string) => string }) {
  const { edits } = steering.run;
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
            <Stages edit={edit} isOver={isOver(steering.run.state)} />
            <Revert edit={edit} steering={steering} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function What({ path, colour }: { path: string; colour: (policy: string) => string }) {
  const edge = edgeOf(path);
  if (!edge) return <span title={path}>{nameOf(path)}</span>;
  return (
    <span className={classes.edge}>
      <PolicyName name={edge.student} colour={colour(edge.student)} />
      <span aria-hidden="true">←</span>
      <span className="visually-hidden">learns from</span>
      <PolicyName name={edge.teacher} colour={colour(edge.teacher)} />
      {edge.part === "end" && <span className={classes.part}>schedule, end</span>}
      {edge.part === "steps" && <span className={classes.part}>schedule, steps</span>}
    </span>
  );
}

function Stages({ edit, isOver: cannotAct }: { edit: EditView; isOver: boolean }) {
  const stage = stageOf(edit);
  const first = firstEffect(edit);
  return (
    <ol className={`${facts.facts} ${classes.stages}`} aria-label="Stages" data-testid="edit-stages">
      <li data-done>requested {clock(edit.requested_at)}</li>
      <li data-done={stage !== "requested" || undefined} title="A worker of the run has read it, or none is at work.">
        acknowledged{edit.acknowledged_at ? ` ${clock(edit.acknowledged_at)}` : ""}
      </li>
      <li data-done={stage === "effective" || undefined}>
        {stage === "effective" ? `effective ${effectText(edit)}${first ? `, ${clock(first.at)}` : ""}` : (edit.expected ?? (cannotAct ? "the run ended before it acted" : "acts nowhere any more"))}
      </li>
    </ol>
  );
}

/** Sets the value from before again, which is itself an edit. Not where it holds already. */
function Revert({ edit, steering }: { edit: EditView; steering: Steering }) {
  const { run, locked, isApplying, apply } = steering;
  const held = run.controls.find((control) => control.path === edit.path)?.value;
  if (locked || edit.old === null || edit.old === undefined || held === edit.old) return null;
  const back = { [edit.path]: edit.old as Value };
  const field = nameOf(edit.path);
  const name = `Set ${field.charAt(0).toLowerCase()}${field.slice(1)} back to ${setting(edit.old)}`;
  return (
    <span className={classes.revert}>
      <Button size="xs" variant="subtle" disabled={isApplying} onClick={() => apply(back)} aria-label={name}>
        Back to {setting(edit.old)}
      </Button>
      <CopyCurl {...editRequest(run, back)} what={name} />
    </span>
  );
}
