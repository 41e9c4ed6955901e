import { Skeleton } from "@mantine/core";
import type { ReactNode, Ref } from "react";
import { HelpButton } from "../parts/HelpButton";
import { ProblemAlert } from "../parts/Problem";
import classes from "./ChartFrame.module.css";

interface Props {
  ref?: Ref<HTMLElement>;
  /** So that a link leads to it. */
  id?: string | undefined;
  title: string;
  help: string | undefined;
  note?: string | null;
  height: number;
  loading?: boolean;
  error?: Error | null;
  onRetry?: () => void;
  /** Whether the drawing may be behind, because the stream is cut. */
  stale?: boolean;
  /** What to say while there is nothing to draw; null when there is. */
  waiting: string | null;
  /** Beside the title. */
  menu?: ReactNode;
  /** Under the drawing. */
  tools?: ReactNode;
  children: ReactNode;
}

/** The card of a chart: its question, how to read it, and every state but the drawing itself. Keeps its size in all of them. */
export function ChartFrame({ ref, id, title, help, note, height, loading = false, error = null, onRetry, stale = false, waiting, menu, tools, children }: Props) {
  return (
    <section ref={ref} id={id} className={classes.frame} aria-label={title}>
      <header className={classes.head}>
        <h3>{title}</h3>
        {note && <span className={classes.note}>{note}</span>}
        {help && <HelpButton about={title}>{help}</HelpButton>}
        {menu}
      </header>
      <div className={classes.body} style={{ minHeight: height }} data-stale={stale || undefined}>
        {error && !children && <ProblemAlert error={error} {...(onRetry && { onRetry })} />}
        {loading && !error && <Skeleton role="group" height={height} aria-label="Loading the chart" />}
        {!loading && waiting !== null ? <p className={classes.waiting}>{waiting}</p> : children}
      </div>
      {tools}
    </section>
  );
}
