import { useState } from "react";
import type { RunSummary } from "../../api/types";
import classes from "./BulkBar.module.css";

/** What became of one run. */
export interface Answer {
  readonly run: string;
  readonly text: string;
  readonly isError: boolean;
}

/** What became of each run; those that were left as they are stand first. */
export function Answers({ runs, answers }: { runs: readonly RunSummary[]; answers: readonly Answer[] }) {
  const names = new Map(runs.map(({ id, name }) => [id, name]));
  const ordered = [...answers].sort((a, b) => Number(b.isError) - Number(a.isError));
  return (
    <ul className={classes.answers} aria-label="What became of each run" tabIndex={0}>
      {ordered.map(({ run, text, isError }) => (
        <li key={run} data-error={isError || undefined}>
          <strong>{names.get(run) ?? run}</strong> {text}
        </li>
      ))}
    </ul>
  );
}

/** The runs as they were when the dialog opened: what it has done must not change whom it speaks of. */
export function useOpenedWith(runs: readonly RunSummary[]): readonly RunSummary[] {
  return useState(runs)[0];
}
