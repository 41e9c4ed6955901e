/** The plan as it is drawn: one lane for each policy, its training as blocks, and what is looked at in between as marks. Pure. */
import type { PlannedSegment } from "../../api/types";

export interface Block {
  kind: string;
  round: number;
  from: number;
  to: number;
  /** Segments it is cut into: the refreshes of an OPD phase's teachers. */
  parts: number;
}

export interface Mark {
  kind: string;
  round: number;
  step: number;
  /** Segments at this place: one evaluation for each domain. */
  count: number;
}

export interface Lane {
  policy: string;
  blocks: Block[];
  marks: Mark[];
}

export interface Lanes {
  lanes: Lane[];
  /** Step at which each drawn round starts. */
  rounds: number[];
  /** Rounds of the whole plan. */
  total: number;
  end: number;
}

/** Rounds that are drawn; a longer plan repeats itself. */
const DRAWN = 24;

function add(lane: Lane, { kind, round, step, steps }: PlannedSegment): void {
  const block = lane.blocks.at(-1);
  const mark = lane.marks.find((m) => m.kind === kind && m.step === step);
  if (steps === 0) {
    if (mark) mark.count += 1;
    else lane.marks.push({ kind, round, step, count: 1 });
  } else if (block && block.kind === kind && block.round === round && block.to === step) {
    block.to += steps;
    block.parts += 1;
  } else {
    lane.blocks.push({ kind, round, from: step, to: step + steps, parts: 1 });
  }
}

export function toLanes(segments: readonly PlannedSegment[]): Lanes {
  const lanes = new Map<string, Lane>();
  const rounds: number[] = [];
  let total = 0;
  let end = 0;
  for (const segment of segments) {
    total = Math.max(total, segment.round + 1);
    if (segment.round >= DRAWN) continue;
    const lane = lanes.get(segment.policy) ?? { policy: segment.policy, blocks: [], marks: [] };
    lanes.set(segment.policy, lane);
    add(lane, segment);
    rounds[segment.round] ??= segment.step;
    end = Math.max(end, segment.step + segment.steps);
  }
  return { lanes: [...lanes.values()], rounds, total, end };
}
