import type { ReactNode } from "react";
import classes from "./Centered.module.css";

/** A page with one thing to say. */
export function Centered({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={classes.page}>
      <img src="/icon.svg" alt="" width={44} height={44} />
      <h1>{title}</h1>
      {children}
    </div>
  );
}
