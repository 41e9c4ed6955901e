import { Fragment } from "react";
import type { Comparison, SpecDifference } from "../../api/types";
import table from "../../parts/Table.module.css";
import { RunMark } from "./RunMark";
import classes from "./Compare.module.css";

const TITLES: Record<string, string> = { general: "General", edits: "Edited while it trained", w: "Weights" };

/** Every field in which the specs differ, defaults filled in. */
export function Differences({ comparison: { runs, differences } }: { comparison: Comparison }) {
  const sections = new Map<string, SpecDifference[]>();
  for (const each of differences) sections.set(each.section, [...(sections.get(each.section) ?? []), each]);
  return (
    <section className={classes.section} aria-labelledby="differences">
      <header className={classes.sectionHead}>
        <h2 id="differences">Where do their specs differ?</h2>
      </header>
      {differences.length === 0 ? (
        <p className={table.lead}>{runs.length > 1 ? "In nothing: they are the same, with all defaults." : "Add another run to see where they differ."}</p>
      ) : (
        <div className={table.scroll} tabIndex={0} role="region" aria-label="Differences of the specs">
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Field</th>
                {runs.map((run) => (
                  <th scope="col" key={run.id}>
                    <span className={classes.label}>
                      <RunMark colour={run.colour} dash={run.dash} />
                      {run.name}
                    </span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...sections].map(([section, fields]) => (
                <Fragment key={section}>
                  <tr className={classes.group}>
                    <th scope="colgroup" colSpan={runs.length + 1}>
                      {TITLES[section] ?? section}
                    </th>
                  </tr>
                  {fields.map(({ path, values }) => (
                    <tr key={`${section} ${path}`}>
                      <th scope="row">
                        <code>{path}</code>
                      </th>
                      {values.map((value, i) => (
                        <td key={runs[i]?.id ?? i} className={classes.value}>
                          {value ?? "–"}
                        </td>
                      ))}
                    </tr>
                  ))}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
