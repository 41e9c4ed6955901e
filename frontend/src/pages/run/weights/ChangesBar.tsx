import { Button } from "@mantine/core";
import { editRequest } from "../../../api/steering";
import type { ControlPreview } from "../../../api/types";
import { CopyCurl } from "../../../parts/CopyCurl";
import { setting } from "../../../parts/numbers";
import { grouped, planText, whenText } from "./changes";
import { nameOf } from "./names";
import { usePreview } from "./Preview";
import type { Steering } from "./useSteering";
import { ProblemAlert } from "../../../parts/Problem";
import classes from "./Weights.module.css";

/** What was written down: what each would do, and applying them, all at once or one at a time. */
export function ChangesBar({ steering }: { steering: Steering }) {
  const { run, changes, isApplying } = steering;
  const groups = grouped(changes);
  const { preview, refusal } = usePreview(run, changes);
  if (groups.length === 0) return null;
  const plan = preview && planText(preview);
  return (
    <section className={`${classes.card} ${classes.changes}`} aria-labelledby="changes">
      <header className={classes.bar}>
        <h2 id="changes">
          {groups.length} {groups.length === 1 ? "change" : "changes"} not applied
        </h2>
        <CopyCurl {...editRequest(run, changes)} what="all changes" />
        <Button size="xs" variant="default" onClick={() => steering.unstage(Object.keys(changes))}>
          Discard all
        </Button>
        <Button size="xs" loading={isApplying} disabled={refusal !== null} onClick={() => steering.apply(changes)}>
          {groups.length === 1 ? "Apply" : "Apply all"}
        </Button>
      </header>
      {refusal && <ProblemAlert error={refusal} />}
      {plan && <p className={classes.lead}>{plan}</p>}
      <ul className={classes.waiting}>
        {groups.map((group) => (
          <Waiting key={group.key} group={group} steering={steering} preview={preview} canApply={groups.length > 1} />
        ))}
      </ul>
    </section>
  );
}

interface WaitingProps {
  group: ReturnType<typeof grouped>[number];
  steering: Steering;
  preview: ControlPreview | undefined;
  canApply: boolean;
}

function Waiting({ group, steering, preview, canApply }: WaitingProps) {
  const { run, isApplying } = steering;
  const paths = Object.keys(group.changes);
  const names = paths.map(nameOf);
  const held = (path: string): string => setting(run.controls.find((control) => control.path === path)?.value);
  return (
    <li>
      <div>
        {paths.map((path, i) => (
          <div key={path}>
            {names[i]}{" "}
            <span className={classes.change}>
              {held(path)} → <strong>{setting(group.changes[path])}</strong>
            </span>
          </div>
        ))}
        <span className={classes.author}>{whenText(preview?.edits.find((edit) => edit.path === paths[0]))}</span>
      </div>
      <div className={classes.buttons}>
        {canApply && (
          <>
            <CopyCurl {...editRequest(run, group.changes)} what={names.join(", ")} />
            <Button size="xs" variant="default" disabled={isApplying} onClick={() => steering.apply(group.changes)} aria-label={`Apply: ${names.join(", ")}`}>
              Apply
            </Button>
          </>
        )}
        <Button size="xs" variant="subtle" color="gray" onClick={() => steering.unstage(paths)} aria-label={`Discard: ${names.join(", ")}`}>
          Discard
        </Button>
      </div>
    </li>
  );
}
