/** The weight of an edge over its student's steps, as `copd_engine/weights.py` has it. Pure. */
import type { EditView, Run } from "../../../api/types";

/** A weight that moves linearly from `start` in step `begun` to `end`, over `steps` steps, and stays there. */
export interface Course {
  start: number;
  begun: number;
  end: number;
  steps: number;
}

/** One edit of an edge: its path, its value, and the student's step from which it holds. */
export interface Bound {
  path: string;
  value: number;
  step: number;
}

export interface Edge {
  student: string;
  teacher: string;
}

export const weightPath = ({ student, teacher }: Edge): string => `w.${student}.${teacher}`;
export const endPath = ({ student, teacher }: Edge): string => `w_schedule.${student}.${teacher}.end`;
export const stepsPath = ({ student, teacher }: Edge): string => `w_schedule.${student}.${teacher}.steps`;

export function at(course: Course, step: number): number {
  return course.start + (course.end - course.start) * Math.min(1, Math.max(0, (step - course.begun) / course.steps));
}

/** As it goes on from the step of an edit: a new weight holds at once and stays; a new end or length begins with the weight of then. */
function edited(course: Course, edge: Edge, { path, value, step }: Bound): Course {
  if (path === weightPath(edge)) return { start: value, begun: step, end: value, steps: course.steps };
  const held = { ...course, start: at(course, step), begun: step };
  if (path === endPath(edge)) return { ...held, end: value };
  return path === stepsPath(edge) ? { ...held, steps: value } : course;
}

/** By the spec alone. */
export function planned(spec: Run["spec"], { student, teacher }: Edge): Course {
  const weights = spec["w"] as Record<string, Record<string, number>> | undefined;
  const ramps = spec["w_schedule"] as Record<string, Record<string, { end: number; steps: number }>> | undefined;
  const start = weights?.[student]?.[teacher] ?? 1;
  const ramp = ramps?.[student]?.[teacher] ?? { end: start, steps: 1 };
  return { start, begun: 1, ...ramp };
}

/** Under the edits that hold by that step, in the order in which they were made. */
export function courseAt(spec: Run["spec"], edge: Edge, bound: readonly Bound[], step: number): Course {
  return bound.filter((edit) => edit.step <= step).reduce((course, edit) => edited(course, edge, edit), planned(spec, edge));
}

/** The edits of an edge. One that has not taken effect is taken to hold from `next`. */
export function boundEdits(edits: readonly EditView[], edge: Edge, next: number): Bound[] {
  const paths = [weightPath(edge), endPath(edge), stepsPath(edge)];
  return edits.filter((edit) => paths.includes(edit.path)).map((edit) => ({ path: edit.path, value: Number(edit.value), step: edit.effective.find(({ policy }) => policy === edge.student)?.step ?? next }));
}

export interface Knot {
  step: number;
  weight: number;
}

/** The whole course as a broken line from step 1 to `last`: every place where it bends, and both sides of every jump. */
export function line(spec: Run["spec"], edge: Edge, bound: readonly Bound[], last: number): Knot[] {
  const starts = [...new Set([1, ...bound.map((edit) => edit.step)])].filter((step) => step <= last).sort((a, b) => a - b);
  return starts.flatMap((from, i): Knot[] => {
    const to = starts[i + 1] ?? last;
    const course = courseAt(spec, edge, bound, from);
    const bend = course.begun + course.steps;
    const steps = [from, ...(course.start !== course.end && bend > from && bend < to ? [bend] : []), to];
    return steps.map((step) => ({ step, weight: at(course, step) }));
  });
}

/** How many steps a picture of the course spans: what was, and the bend with as much again after it; never more than the plan. */
export function span(course: Course, now: number, last: number): number {
  const bend = course.start === course.end ? now : course.begun + course.steps;
  return Math.max(2, Math.min(last, 2 * Math.max(now, bend, 10)));
}

/** Whether the weight still moves after that step. */
export function isMoving(course: Course, step: number): boolean {
  return course.start !== course.end && step < course.begun + course.steps;
}
