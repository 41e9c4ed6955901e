import type { ControlView } from "../../../api/types";
import { EditableValue } from "./EditableValue";
import { edgeOf, nameOf } from "./names";
import type { Steering } from "./useSteering";
import classes from "./Weights.module.css";

/** What every optimizer step uses, who goes first, and the structure of rounds to come. */
export function OtherControls({ steering }: { steering: Steering }) {
  const controls = steering.run.controls.filter((control) => edgeOf(control.path) === null);
  const row = (control: ControlView) => {
    const name = nameOf(control.path);
    return (
      <div key={control.path} className={classes.control}>
        <dt>
          {name}
          {control.description && <span className={classes.description}>{control.description}</span>}
        </dt>
        <dd>
          <EditableValue control={control} label={name} steering={steering} />
        </dd>
      </div>
    );
  };
  const values = controls.filter((control) => control.kind === "value");
  const dispatch = controls.filter((control) => control.kind === "dispatch");
  const structure = controls.filter((control) => control.kind === "structure");
  return (
    <div className={classes.pair}>
      <section className={classes.card} aria-label="Values">
        <h2>Values</h2>
        <p className={classes.lead}>Act at each expert&rsquo;s next optimizer step.</p>
        <dl>{values.map(row)}</dl>
        <h2 className={classes.further}>Queue</h2>
        <p className={classes.lead}>Acts at once. It changes when the work is done, never what comes out.</p>
        <dl>{dispatch.map(row)}</dl>
      </section>
      {structure.length > 0 && (
        <section className={classes.card} aria-label="Structure">
          <h2>Structure</h2>
          <p className={classes.lead}>Acts for all experts from the first round that has not begun.</p>
          <dl>{structure.map(row)}</dl>
        </section>
      )}
    </div>
  );
}
