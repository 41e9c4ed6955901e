import table from "../parts/Table.module.css";
import classes from "./ChartTable.module.css";
import type { Table } from "./table";
import { useHeight } from "./useLarge";

/** The numbers of a chart in its place, and of its size. */
export function ChartTable({ table: { columns, rows, total }, title, height }: { table: Table; title: string; height: number }) {
  return (
    <div className={classes.frame} style={{ height: useHeight(height) }}>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={`Table: ${title}`}>
        <table className={table.table}>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={i} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={`${row[0]}/${i}`}>
                {row.map((cell, j) => (j === 0 ? <th key={j} scope="row">{cell}</th> : <td key={j}>{cell}</td>))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length < total && (
        <p className={classes.capped}>
          The newest {rows.length.toLocaleString("en")} of {total.toLocaleString("en")} rows; the CSV has all.
        </p>
      )}
    </div>
  );
}
