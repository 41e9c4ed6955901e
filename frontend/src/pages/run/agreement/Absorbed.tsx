import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { absorbedQuery } from "../../../api/agreement";
import type { XAxis } from "../../../api/queries";
import type { AbsorbedRow, Run } from "../../../api/types";
import { FigureChart } from "../../../charts/FigureChart";
import { useLive } from "../../../live/useLiveRun";
import { accuracy, setting } from "../../../parts/numbers";
import { isOver } from "../runText";
import { change, nearer, newestRounds } from "./absorbed";
import { Pair } from "./Facts";
import table from "../../../parts/Table.module.css";
import classes from "./Agreement.module.css";

const ROUNDS = 2;

interface Props {
  run: Run;
  x: XAxis;
  colour: (policy: string) => string;
}

/** What each student took over from each teacher in each OPD phase: as lines, and in numbers. */
export function Absorbed({ run, x, colour }: Props) {
  const waiting = isOver(run.state) ? "The run ended before its first OPD phase did." : "Comes with the end of the first OPD phase.";
  return (
    <section className={classes.section} aria-labelledby="absorbed">
      <h2 id="absorbed">What distillation brought</h2>
      <FigureChart runId={run.id} name="absorbed" title="What did each expert take over from its teachers?" x={x} height={300} waiting={waiting} />
      <Rows run={run} colour={colour} />
    </section>
  );
}

function Rows({ run, colour }: Omit<Props, "x">) {
  const ready = useLive((view) => view.ready);
  const { data } = useQuery({ ...absorbedQuery(run.id), enabled: ready });
  const [all, setAll] = useState(false);
  if (!data || data.rows.length === 0) return null;
  const { rows, hidden } = newestRounds(data.rows, all ? Infinity : ROUNDS);
  return (
    <div>
      <div className={table.scroll} tabIndex={0} role="region" aria-label="What each OPD phase brought, in numbers">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Round</th>
              <th scope="col">Student ← teacher</th>
              <th scope="col">On</th>
              <th scope="col">Weight</th>
              <th scope="col">KL, nats per token</th>
              <th scope="col">Change</th>
              <th scope="col">Gap, nats per token</th>
              <th scope="col">Accuracy of the student</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={`${row.round}/${row.student}/${row.teacher}`} row={row} colour={colour} />
            ))}
          </tbody>
        </table>
      </div>
      {(hidden > 0 || all) && data.rows.length > rows.length - 1 && (
        <Button variant="subtle" size="xs" mt={6} onClick={() => setAll(!all)}>
          {all ? "Show the newest rounds only" : `Show ${hidden} earlier ${hidden === 1 ? "round" : "rounds"}`}
        </Button>
      )}
    </div>
  );
}

const three = (value: number): string => value.toFixed(3).replace("-", "−");

function Row({ row, colour }: { row: AbsorbedRow; colour: (policy: string) => string }) {
  const by = nearer(row);
  return (
    <tr>
      <th scope="row">{row.round + 1}</th>
      <td>
        <Pair student={row.student} teacher={row.teacher} colour={colour} />
      </td>
      <td>{row.domain ?? "all domains"}</td>
      <td>{setting(row.weight)}</td>
      <td>{change(row.kl_before, row.kl_after, three)}</td>
      <td>{by ? <span className={by.isGood ? classes.good : undefined}>{by.text}</span> : "–"}</td>
      <td>{change(row.gap_before, row.gap_after, three)}</td>
      <td>{change(row.accuracy_before, row.accuracy_after, accuracy)}</td>
    </tr>
  );
}
