import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import { EdgeCards } from "./EdgeCards";
import type { Edge } from "./schedule";
import { TopologyGraph } from "./TopologyGraph";
import type { Clock } from "./useClock";
import type { Steering } from "./useSteering";
import { WeightGrid } from "./WeightGrid";
import classes from "./Weights.module.css";

interface Props {
  steering: Steering;
  clock: Clock;
  colour: (policy: string) => string;
}

/** How strongly each student follows each teacher: as numbers to edit and as a graph of the same edges. */
export function WeightsCard(props: Props) {
  const { run } = props.steering;
  const isNarrow = useMediaQuery("(max-width: 40em)", false, { getInitialValueInEffect: false });
  const [open, setOpen] = useState<string | null>(null);
  const [lit, setLit] = useState<string | null>(null);
  const edges = run.edges.map(([student = "", teacher = ""]): Edge => ({ student, teacher }));
  const has = (part: keyof Edge, name: string): boolean => edges.some((edge) => edge[part] === name);
  const names = [...new Set([...run.policies.map((policy) => policy.name), ...edges.map((edge) => edge.teacher)])]; // in the order of the run, so that rows and columns agree
  const [students, teachers] = [names.filter((name) => has("student", name)), names.filter((name) => has("teacher", name))];
  const shared = { ...props, open, onOpen: setOpen, lit, onLit: setLit };
  return (
    <section className={classes.card} aria-labelledby="weights">
      <div className={classes.sides}>
        <div className={classes.numbered}>
          <h2 id="weights">Distillation weights</h2>
          <p className={classes.lead}>How strongly a student follows a teacher in the OPD phase. 0 switches an edge off; 1 is the method&rsquo;s own strength.</p>
          {isNarrow ? <EdgeCards edges={edges} {...shared} /> : <WeightGrid students={students} teachers={teachers} {...shared} />}
        </div>
        <TopologyGraph names={names.filter((name) => has("student", name) || has("teacher", name))} edges={edges} {...shared} />
      </div>
    </section>
  );
}
