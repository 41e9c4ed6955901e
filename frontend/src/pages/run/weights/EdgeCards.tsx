import { PolicyName } from "../../../parts/PolicyName";
import { EdgeEditor } from "./EdgeEditor";
import { weightPath, type Edge } from "./schedule";
import type { WeightsProps } from "./WeightGrid";
import classes from "./Weights.module.css";

/** One card per edge, for where a matrix would not fit. */
export function EdgeCards({ edges, steering, clock, colour, open, onOpen, lit }: WeightsProps & { edges: readonly Edge[] }) {
  return (
    <ul className={classes.cards} aria-label="Weights by edge">
      {edges.map((edge) => (
        <li key={weightPath(edge)} data-lit={lit === weightPath(edge) || undefined}>
          <span className={classes.edge}>
            <PolicyName name={edge.student} colour={colour(edge.student)} />
            <span aria-hidden="true">←</span>
            <span className="visually-hidden">learns from</span>
            <PolicyName name={edge.teacher} colour={colour(edge.teacher)} />
          </span>
          <EdgeEditor edge={edge} steering={steering} clock={clock} opened={open === weightPath(edge)} onOpen={onOpen} />
        </li>
      ))}
    </ul>
  );
}
