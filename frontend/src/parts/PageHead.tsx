import type { ReactNode } from "react";
import classes from "./PageHead.module.css";

/** A page's name, how many there are of what it lists, and at the other end whatever acts on them. */
export function PageHead({ title, total, children }: { title: string; total?: ReactNode; children?: ReactNode }) {
  return (
    <div className={classes.head}>
      <h1>{title}</h1>
      {total !== undefined && <span className={classes.total}>{total}</span>}
      <div className={classes.end}>{children}</div>
    </div>
  );
}
