import { Switch } from "@mantine/core";
import type { Comparison, TableCell, TableLine } from "../../api/types";
import { useParam } from "../../app/router";
import { accuracy, count, points } from "../../parts/numbers";
import table from "../../parts/Table.module.css";
import { RunMark } from "./RunMark";
import classes from "./Compare.module.css";

/** Methods × domains as a paper has it: the mean over seeds with its 95 % interval, the best in bold; beside it what it cost. */
export function PaperTable({ comparison: { table: paper, runs } }: { comparison: Comparison }) {
  const [all, setAll] = useParam("experts", "");
  const lines = paper.lines.filter(({ policy }) => all === "1" || policy === "merged" || policy === "base");
  return (
    <section className={classes.section} aria-labelledby="paper-table">
      <header className={classes.sectionHead}>
        <h2 id="paper-table">Which method is best, and where?</h2>
        <Switch label="Experts too" checked={all === "1"} onChange={(event) => setAll(event.currentTarget.checked ? "1" : "")} />
      </header>
      <p className={table.lead}>
        Accuracy in percent on held-out prompts, with 95 % intervals: over seeds where there are several, else over the prompts. Runs that differ in nothing but the seed are
        one row. The best of a column is bold. Rollouts, tokens and optimizer steps are those of all experts; of a run
        under way, all so far, and the accuracy of its newest whole evaluation.
      </p>
      <div className={table.scroll} tabIndex={0} role="region" aria-label="Accuracy by method and domain">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Method</th>
              <th scope="col">Seeds</th>
              {paper.domains.map((domain) => (
                <th scope="col" key={domain} className={classes.number}>
                  {domain}
                </th>
              ))}
              <th scope="col" className={classes.number}>
                Mean
              </th>
              <th scope="col" className={classes.number}>
                Rollouts
              </th>
              <th scope="col" className={classes.number}>
                Tokens
              </th>
              <th scope="col" className={classes.number}>
                Optimizer steps
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <Row key={`${line.group} ${line.label} ${line.policy}`} line={line} comparison={{ paper, runs }} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  line: TableLine;
  comparison: { paper: Comparison["table"]; runs: Comparison["runs"] };
}

function Row({ line, comparison: { paper, runs } }: RowProps) {
  const group = line.group === null ? null : (paper.groups[line.group] ?? null);
  const isFirst = line.policy === "merged" || line.policy === "base";
  const marks = runs.filter(({ id }) => group?.runs.includes(id));
  return (
    <tr data-part={isFirst ? undefined : ""}>
      <th scope="row">
        <span className={classes.label}>
          {isFirst && marks.map((run) => <RunMark key={run.id} colour={run.colour} dash={run.dash} />)}
          {line.policy === "base" ? `Base: ${line.label}` : isFirst ? line.label : line.policy}
        </span>
      </th>
      <td>{isFirst && (group?.method ?? "–")}</td>
      <td>
        {isFirst && group && (
          <>
            {group.seeds.length}
            {group.unfinished > 0 && <span className={classes.pending}> ({group.unfinished} under way)</span>}
          </>
        )}
      </td>
      {line.cells.map((cell, i) => (
        <Number key={paper.domains[i]} cell={cell} />
      ))}
      <Number cell={line.mean} />
      {[group?.rollouts, group?.tokens, group?.optimizer_steps].map((value, i) => (
        <td key={i} className={classes.number}>
          {isFirst && value != null ? count(Math.round(value)) : ""}
        </td>
      ))}
    </tr>
  );
}

function Number({ cell }: { cell: TableCell | null }) {
  if (!cell) return <td className={classes.number}>–</td>;
  const half = cell.low === null || cell.high === null ? null : Math.max(cell.high - cell.mean, cell.mean - cell.low);
  const value = accuracy(cell.mean).replace("%", "");
  const title = cell.low === null || cell.high === null ? undefined : `95 % interval ${accuracy(cell.low)} to ${accuracy(cell.high)}`;
  return (
    <td className={classes.number} title={title}>
      {cell.best ? <strong>{value}</strong> : value}
      {half !== null && <span className={classes.half}> ± {points(half).slice(1)}</span>}
    </td>
  );
}
