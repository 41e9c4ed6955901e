import { useId, type KeyboardEvent } from "react";
import { setting } from "../../../parts/numbers";
import { pendingEdit } from "./edits";
import { weightPath, type Edge } from "./schedule";
import { arcs, HEIGHT, nodes, thickness, WIDTH, type Arc, type Node } from "./topology";
import type { WeightsProps } from "./WeightGrid";
import classes from "./Weights.module.css";

/** Who learns from whom, and how strongly: an arrow from each teacher to its student. An arrow is also the way to its weight. */
export function TopologyGraph({ names, edges, ...props }: Omit<WeightsProps, "clock" | "open"> & { names: readonly string[]; edges: readonly Edge[] }) {
  const placed = nodes(names);
  const head = useId();
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.graph} role="group" aria-label="Who learns from whom">
      <defs>
        <marker id={head} viewBox="0 0 8 8" refX={6.5} refY={4} markerWidth={9} markerHeight={9} markerUnits="userSpaceOnUse" orient="auto">
          <path d="M0 0.5L8 4L0 7.5Z" className={classes.head} />
        </marker>
      </defs>
      {arcs(edges, placed).map((arc) => (
        <Arrow key={weightPath(arc.edge)} arc={arc} head={head} {...props} />
      ))}
      {placed.map((node) => (
        <NodeShape key={node.name} node={node} colour={props.colour(node.name)} />
      ))}
    </svg>
  );
}

function NodeShape({ node: { name, x, y, width, height }, colour }: { node: Node; colour: string }) {
  return (
    <g aria-hidden="true">
      <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={height / 2} className={classes.node} stroke={colour} />
      <text x={x} y={y + 4.5} textAnchor="middle" className={classes.name}>
        {name.length > 18 ? `${name.slice(0, 17)}…` : name}
      </text>
    </g>
  );
}

type ArrowProps = Omit<WeightsProps, "clock" | "open"> & { arc: Arc; head: string };

function Arrow({ arc: { edge, path, x, y }, head, steering, colour, onOpen, lit, onLit }: ArrowProps) {
  const key = weightPath(edge);
  const weight = Number(steering.run.controls.find((control) => control.path === key)?.value ?? 1);
  const pending = pendingEdit(steering.run.edits, key);
  const acting = pending ? Number(pending.old) : weight;
  const shown = pending ? `${setting(acting)} → ${setting(weight)}` : setting(weight);
  const width = pending ? 84 : 38;
  const open = (): void => onOpen(key);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open();
  };
  const acts = steering.locked ? { role: "img" } : { role: "button", tabIndex: 0, onClick: open, onKeyDown };
  return (
    <g
      {...acts}
      className={classes.arrow}
      data-lit={lit === key || undefined}
      data-off={acting === 0 || undefined}
      aria-label={`${edge.student} learns from ${edge.teacher}: ${setting(acting)}${pending ? `, ${setting(weight)} pending` : ""}`}
      onMouseEnter={() => onLit(key)}
      onMouseLeave={() => onLit(null)}
      onFocus={() => onLit(key)}
      onBlur={() => onLit(null)}
    >
      <path d={path} className={classes.reach} />
      <path d={path} className={classes.line} stroke={colour(edge.student)} strokeWidth={thickness(acting)} markerEnd={`url(#${head})`} />
      <circle cx={x} cy={y} r={22} className={classes.reach} />
      <rect x={x - width / 2} y={y - 11} width={width} height={22} rx={11} className={classes.tag} />
      <text x={x} y={y + 4.2} textAnchor="middle" className={classes.tagText}>
        {shown}
      </text>
    </g>
  );
}
