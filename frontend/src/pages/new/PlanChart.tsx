import { count } from "../../parts/numbers";
import type { PlannedSegment } from "../../api/types";
import { toLanes, type Block, type Lane, type Lanes, type Mark } from "./lanes";
import classes from "./PlanChart.module.css";

const KINDS: Record<string, { name: string; what: string }> = {
  rlvr: { name: "RLVR", what: "learns its own domain" },
  opd: { name: "OPD", what: "learns from its teachers too" },
  measure: { name: "agreement", what: "compared with its peers" },
  merge: { name: "merge", what: "mean of the experts" },
  evaluate: { name: "evaluation", what: "held-out accuracy" },
};
const ROW = 36;

const nameOf = (kind: string): string => KINDS[kind]?.name ?? kind;
const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

function blockTitle(policy: string, { kind, round, from, to, parts }: Block): string {
  const cut = parts > 1 ? `, teachers refreshed every ${plural(Math.round((to - from) / parts), "step")}` : "";
  return `${policy}, round ${round + 1}: ${nameOf(kind)}, steps ${count(from)} to ${count(to)}${cut}`;
}

function markTitle(policy: string, { kind, step, count: n }: Mark): string {
  return `${policy} at step ${count(step)}: ${nameOf(kind)}${n > 1 ? ` on ${n} domains` : ""}`;
}

function MarkShape({ kind, x, y }: { kind: string; x: string; y: number }) {
  if (kind === "evaluate") return <circle cx={x} cy={y} r={5} className={classes.mark} data-kind={kind} />;
  return (
    <svg x={x} y={y} overflow="visible" aria-hidden="true">
      {kind === "merge" ? <path d="M0 -6L6 5H-6Z" className={classes.mark} data-kind={kind} /> : <path d="M0 -3.5L3.5 0L0 3.5L-3.5 0Z" className={classes.mark} data-kind={kind} />}
    </svg>
  );
}

function LaneRow({ lane, row, x }: { lane: Lane; row: number; x: (step: number) => string }) {
  const top = row * ROW;
  return (
    <g>
      {lane.blocks.map((block) => (
        <rect key={block.from} x={x(block.from)} y={top + 6} width={x(block.to - block.from)} height={12} rx={2} className={classes.block} data-kind={block.kind}>
          <title>{blockTitle(lane.policy, block)}</title>
        </rect>
      ))}
      {lane.marks.map((mark) => (
        <g key={`${mark.kind}@${mark.step}`}>
          <title>{markTitle(lane.policy, mark)}</title>
          <MarkShape kind={mark.kind} x={x(mark.step)} y={mark.kind === "merge" ? top + 12 : top + 26} />
        </g>
      ))}
    </g>
  );
}

function Legend({ kinds }: { kinds: readonly string[] }) {
  return (
    <ul className={classes.legend} aria-label="Kinds of segment">
      {kinds.map((kind) => (
        <li key={kind}>
          <svg width={14} height={14} aria-hidden="true">
            {kind === "rlvr" || kind === "opd" ? (
              <rect y={2} width={14} height={10} rx={2} className={classes.block} data-kind={kind} />
            ) : (
              <MarkShape kind={kind} x="7" y={7} />
            )}
          </svg>
          <span>
            <b>{nameOf(kind)}</b> {KINDS[kind]?.what}
          </span>
        </li>
      ))}
    </ul>
  );
}

function summary({ lanes, total }: Lanes): string {
  return `The plan: ${plural(total, "round")}; ${lanes.map(({ policy, blocks }) => `${policy} ${blocks.length ? plural(blocks.length, "phase") : "is looked at"}`).join(", ")}.`;
}

/** Who trains when: policies as lanes over their training steps. */
export function PlanChart({ segments }: { segments: readonly PlannedSegment[] }) {
  const plan = toLanes(segments);
  const x = (step: number): string => `${(100 * step) / Math.max(plan.end, 1)}%`;
  const height = plan.lanes.length * ROW;
  const sparse = Math.ceil(plan.rounds.length / 8);
  const kinds = Object.keys(KINDS).filter((kind) => segments.some((s) => s.kind === kind));
  return (
    <figure className={classes.chart}>
      <div className={classes.lanes}>
        <ul className={classes.names} aria-hidden="true">
          {plan.lanes.map((lane) => (
            <li key={lane.policy}>{lane.policy}</li>
          ))}
          <li className={classes.rounds}>round</li>
        </ul>
        <svg role="img" aria-label={summary(plan)} width="100%" height={height + 22} overflow="visible">
          {plan.rounds.map((step, round) => (
            <g key={round}>
              <line x1={x(step)} x2={x(step)} y1={0} y2={height} className={classes.round} />
              {round % sparse === 0 && step >= (plan.rounds[round - 1] ?? 0) && ( // a student of the base begins at step 0 again
                <svg x={x(step)} y={height + 15} overflow="visible" aria-hidden="true">
                  <text x={1} className={classes.label}>
                    {round + 1}
                  </text>
                </svg>
              )}
            </g>
          ))}
          <line x1="100%" x2="100%" y1={0} y2={height} className={classes.round} />
          {plan.lanes.map((lane, row) => (
            <LaneRow key={lane.policy} lane={lane} row={row} x={x} />
          ))}
        </svg>
      </div>
      {plan.total > plan.rounds.length && (
        <figcaption>
          The first {plan.rounds.length} of {count(plan.total)} rounds.
        </figcaption>
      )}
      <Legend kinds={kinds} />
    </figure>
  );
}
