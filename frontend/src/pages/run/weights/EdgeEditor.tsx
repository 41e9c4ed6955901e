import { useState } from "react";
import type { Changes } from "../../../api/steering";
import { setting } from "../../../parts/numbers";
import { EditorShell } from "./EditorShell";
import { parseValue, pendingEdit } from "./edits";
import { Field } from "./Field";
import { boundEdits, courseAt, endPath, isMoving, line, span, stepsPath, weightPath, type Bound, type Edge } from "./schedule";
import { Sparkline } from "./Sparkline";
import type { Clock } from "./useClock";
import type { Steering } from "./useSteering";
import { ValueButton } from "./ValueButton";
import { nameOf } from "./names";
import classes from "./Weights.module.css";

const SLIDER_MAX = 2;
const WEIGHT = { minimum: 0, maximum: 1000 };
const STEPS = { minimum: 1, maximum: 1_000_000 };

interface Props {
  edge: Edge;
  steering: Steering;
  clock: Clock;
  opened: boolean;
  onOpen: (path: string | null) => void;
  tabIndex?: number;
}

interface Draft {
  weight: string;
  end: string;
  steps: string;
}

/** The weight of one edge with its editor: number and slider, and where it is to move from there. */
export function EdgeEditor({ edge, steering, clock, opened, onOpen, tabIndex }: Props) {
  const { run, changes, locked } = steering;
  const path = weightPath(edge);
  const held = run.controls.find((control) => control.path === path)?.value;
  const { now, last } = clock(edge.student);
  const bound = boundEdits(run.edits, edge, now + 1);
  const course = courseAt(run.spec, edge, bound, now + 1); // with what was asked for and has not acted yet
  const moves = course.start !== course.end;
  const picture = moves ? <Sparkline knots={line(run.spec, edge, bound, span(course, now, last))} now={now} width={72} height={20} /> : null;
  if (locked) {
    return (
      <span className={classes.fixed}>
        {setting(held)}
        {moves && <span className={classes.ends}>→ {setting(course.end)}</span>}
        {picture}
      </span>
    );
  }
  const pending = [path, endPath(edge), stepsPath(edge)].map((each) => pendingEdit(run.edits, each)).find((edit) => edit !== null) ?? null;
  const target = <ValueButton label={nameOf(path)} value={held} pending={pending} staged={changes[path] ?? changes[endPath(edge)]} end={moves ? course.end : undefined} picture={picture} tabIndex={tabIndex} data-edge={path} onClick={() => onOpen(path)} />;
  return <OpenEditor edge={edge} steering={steering} clock={clock} opened={opened} onClose={() => onOpen(null)} target={target} isMoving={isMoving(course, now)} />;
}

interface OpenProps {
  edge: Edge;
  steering: Steering;
  clock: Clock;
  opened: boolean;
  onClose: () => void;
  target: React.ReactElement;
  isMoving: boolean;
}

function OpenEditor({ edge, steering, clock, opened, onClose, target, isMoving: isUnderWay }: OpenProps) {
  const { run, changes } = steering;
  const value = (path: string): unknown => changes[path] ?? run.controls.find((control) => control.path === path)?.value;
  const initial = (): Draft => ({ weight: setting(value(weightPath(edge))), end: texted(value(endPath(edge))), steps: texted(value(stepsPath(edge))) });
  const [session, setSession] = useState(() => ({ opened, first: initial(), draft: initial() }));
  if (session.opened !== opened) setSession({ opened, first: initial(), draft: initial() }); // each opening begins with what holds then
  const { first, draft } = session;
  const set = (part: Partial<Draft>): void => setSession((before) => ({ ...before, draft: { ...before.draft, ...part } }));
  const read = { weight: parseValue(draft.weight, WEIGHT), end: parseValue(draft.end, WEIGHT), steps: parseValue(draft.steps, STEPS) };
  const wantsSchedule = draft.end !== first.end || draft.steps !== first.steps || changes[endPath(edge)] !== undefined;
  const problems = {
    weight: typeof read.weight === "string" ? read.weight : null,
    end: wantsSchedule && typeof read.end === "string" ? read.end : null,
    steps: wantsSchedule && typeof read.steps === "string" ? read.steps : null,
  };
  const wanted = Object.values(problems).some((problem) => problem !== null) ? null : wantedChanges(edge, steering, read, wantsSchedule);
  const { now, last } = clock(edge.student);
  const next = now + 1;
  const bound = [...boundEdits(run.edits, edge, next), ...asBound(wanted ?? {}, next)];
  const knots = line(run.spec, edge, bound, span(courseAt(run.spec, edge, bound, next), now, Math.max(last, next)));
  return (
    <EditorShell label={nameOf(weightPath(edge))} steering={steering} opened={opened} onClose={onClose} target={target} wanted={wanted}>
      <div className={classes.numbers}>
        <Field label={nameOf(weightPath(edge))} value={draft.weight} problem={problems.weight} onChange={(weight) => set({ weight })} isFirst />
        <input
          type="range"
          className={classes.slider}
          aria-label={`${nameOf(weightPath(edge))}, slider`}
          min={0}
          max={SLIDER_MAX}
          step={0.05}
          value={typeof read.weight === "number" ? Math.min(SLIDER_MAX, read.weight) : 0}
          onChange={(event) => set({ weight: setting(Number(event.currentTarget.value)) })}
        />
      </div>
      <details className={classes.schedule} open={isUnderWay || undefined}>
        <summary>Then move to another weight</summary>
        <div className={classes.fields}>
          <Field label="End weight" value={draft.end} problem={problems.end} onChange={(end) => set({ end })} placeholder="as it is" />
          <Field label="Over steps" value={draft.steps} problem={problems.steps} onChange={(steps) => set({ steps })} placeholder="at once" />
        </div>
      </details>
      <Sparkline knots={knots} now={now} width={300} height={44} />
    </EditorShell>
  );
}

const texted = (value: unknown): string => (value === undefined ? "" : setting(value));

/** The fields that would differ from what holds. A new weight ends a schedule, so that a wanted one is always asked for anew. */
function wantedChanges(edge: Edge, { run }: Steering, read: Record<keyof Draft, number | string>, wantsSchedule: boolean): Changes {
  const held = run.controls.find((control) => control.path === weightPath(edge))?.value;
  const weight: Changes = read.weight === held ? {} : { [weightPath(edge)]: read.weight };
  return wantsSchedule ? { ...weight, [endPath(edge)]: read.end, [stepsPath(edge)]: read.steps } : weight;
}

/** In the order in which the server takes them. */
function asBound(changes: Changes, step: number): Bound[] {
  return Object.entries(changes).map(([path, value]) => ({ path, value: Number(value), step }));
}
