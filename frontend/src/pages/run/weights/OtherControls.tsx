import type { ControlView, Run } from "../../../api/types";
import { EditableValue } from "./EditableValue";
import { pendingEdit } from "./edits";
import classes from "./Weights.module.css";

const NAMES: Record<string, string> = {
  "optimizer.lr": "Learning rate",
  "rlvr.temperature": "Temperature",
  "rlvr.clip_low": "Clip range below (rlvr.clip_low)",
  "rlvr.clip_high": "Clip range above (rlvr.clip_high)",
  seed: "Seed of training steps",
  priority: "Priority",
  rounds: "Rounds",
  "rlvr.steps": "Steps of phase I (RLVR)",
  "opd.steps": "Steps of phase II (OPD)",
  "opd.sync_every": "Teacher refresh (opd.sync_every)",
  "evaluation.every": "Rounds between evaluations",
  "opd.topology": "Topology",
  "opd.adaptive.teach": "Teach (opd.adaptive.teach)",
};

interface Props {
  run: Run;
  locked: boolean;
  onSet: (path: string, value: boolean | number | string) => void;
}

/** What every optimizer step uses, who goes first, and the structure of rounds to come. */
export function OtherControls({ run, locked, onSet }: Props) {
  const controls = run.controls.filter((control) => !control.path.startsWith("w."));
  const row = (control: ControlView) => {
    const name = NAMES[control.path] ?? control.path;
    return (
      <div key={control.path} className={classes.control}>
        <dt>
          {name}
          {control.description && <span className={classes.description}>{control.description}</span>}
        </dt>
        <dd>
          <EditableValue control={control} label={name} pending={pendingEdit(run.edits, control.path)} locked={locked} onSet={(value) => onSet(control.path, value)} />
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
        <p className={classes.lead}>Acts at once, and on no weight.</p>
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
