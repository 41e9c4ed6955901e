import { useId, type ReactNode } from "react";
import type { PlannedSegment, PolicyView } from "../../api/types";
import { kindName, KINDS } from "../../parts/kinds";
import { count } from "../../parts/numbers";
import { usePolicyColours } from "../../parts/policyColour";
import { toLanes, type Block, type Lane, type Lanes, type Mark } from "./lanes";
import classes from "./PlanChart.module.css";

const ROW = 36;

const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

function blockTitle(policy: string, { kind, round, from, to, parts }: Block): string {
  const cut = parts > 1 ? `, teachers refreshed every ${plural(Math.round((to - from) / parts), "step")}` : "";
  return `${policy}, round ${round + 1}: ${kindName(kind)}, steps ${count(from)} to ${count(to)}${cut}`;
}

function markTitle(policy: string, { kind, step, count: n }: Mark): string {
  return `${policy} at step ${count(step)}: ${kindName(kind)}${n > 1 ? ` on ${n} domains` : ""}`;
}

function MarkShape({ kind, x, y }: { kind: string; x: string; y: number }) {
  if (kind === "evaluate") return <circle cx={x} cy={y} r={5} className={classes.ring} />;
  return (
    <svg x={x} y={y} overflow="visible" aria-hidden="true">
      <path d={kind === "merge" ? "M0 -6L6 5H-6Z" : "M0 -3.5L3.5 0L0 3.5L-3.5 0Z"} className={classes.mark} />
    </svg>
  );
}

/** In the policy's colour; hatched where it is taught, as in the timeline of what was done. */
function BlockShape({ kind, hatch, children, ...place }: { kind: string; hatch: string; x?: string; y: number; width: string | number; height: number; children?: ReactNode }) {
  return (
    <>
      <rect {...place} rx={2} className={classes.block}>
        {children}
      </rect>
      {kind === "opd" && <rect {...place} rx={2} fill={`url(#${hatch})`} pointerEvents="none" />}
    </>
  );
}

interface RowProps {
  lane: Lane;
  row: number;
  colour: string;
  x: (step: number) => string;
  kept: number;
  hatch: string;
}

function LaneRow({ lane, row, colour, x, kept, hatch }: RowProps) {
  const top = row * ROW;
  return (
    <g color={colour}>
      {lane.blocks.map((block) => (
        <g key={block.from} data-kept={block.round < kept || undefined}>
          <BlockShape kind={block.kind} hatch={hatch} x={x(block.from)} y={top + 6} width={x(block.to - block.from)} height={12}>
            <title>{blockTitle(lane.policy, block)}</title>
          </BlockShape>
        </g>
      ))}
      {lane.marks.map((mark) => (
        <g key={`${mark.kind}@${mark.step}`} data-kept={mark.round < kept || undefined}>
          <title>{markTitle(lane.policy, mark)}</title>
          <MarkShape kind={mark.kind} x={x(mark.step)} y={mark.kind === "merge" ? top + 12 : top + 26} />
        </g>
      ))}
    </g>
  );
}

function Legend({ kinds, hatch }: { kinds: readonly string[]; hatch: string }) {
  return (
    <ul className={classes.legend} aria-label="Kinds of segment">
      {kinds.map((kind) => (
        <li key={kind}>
          <svg width={14} height={14} aria-hidden="true">
            {kind === "rlvr" || kind === "opd" ? (
              <BlockShape kind={kind} hatch={hatch} y={2} width={14} height={10} />
            ) : (
              <MarkShape kind={kind} x="7" y={7} />
            )}
          </svg>
          <span>
            <b>{kindName(kind)}</b> {KINDS[kind]?.what}
          </span>
        </li>
      ))}
    </ul>
  );
}

function summary({ lanes, total }: Lanes): string {
  return `The plan: ${plural(total, "round")}; ${lanes.map(({ policy, blocks }) => `${policy} ${blocks.length ? plural(blocks.length, "phase") : "is looked at"}`).join(", ")}.`;
}

interface Props {
  segments: readonly PlannedSegment[];
  /** For their colours. */
  policies: readonly PolicyView[];
  /** Rounds of a fork that are done already. */
  kept?: number;
}

/** Who trains when: policies as lanes over their training steps. */
export function PlanChart({ segments, policies, kept = 0 }: Props) {
  const hatch = useId();
  const colour = usePolicyColours(policies);
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
          <defs>
            <pattern id={hatch} width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <line y2={6} className={classes.hatch} />
            </pattern>
          </defs>
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
            <LaneRow key={lane.policy} lane={lane} row={row} colour={colour(lane.policy)} x={x} kept={kept} hatch={hatch} />
          ))}
        </svg>
      </div>
      {plan.total > plan.rounds.length && (
        <figcaption>
          The first {plan.rounds.length} of {count(plan.total)} rounds.
        </figcaption>
      )}
      {kept > 0 && <figcaption>Pale: kept from the run it comes from.</figcaption>}
      <Legend kinds={kinds} hatch={hatch} />
    </figure>
  );
}
