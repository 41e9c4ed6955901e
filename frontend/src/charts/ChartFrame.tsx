import { ActionIcon, Skeleton } from "@mantine/core";
import { useFocusTrap, useMergedRef } from "@mantine/hooks";
import { useRef, type ReactNode, type RefObject } from "react";
import { HelpButton } from "../parts/HelpButton";
import { Icon } from "../parts/Icon";
import { ProblemAlert } from "../parts/Problem";
import type { ChartView } from "./useChartView";
import { Room, useEscape, useFocusReturned, useRoom } from "./useLarge";
import classes from "./ChartFrame.module.css";

interface Props {
  ref: RefObject<HTMLElement | null>;
  /** So that a link leads to it. */
  id?: string | undefined;
  title: string;
  help: string | undefined;
  note?: string | null;
  height: number;
  chart: ChartView;
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

/** What a card is higher than its drawing, rather too much than too little: while one is enlarged, the page behind must not get shorter and
 * scroll. */
const AROUND = 120;

/** The card of a chart: its question, how to read it, and every state but the drawing itself. Keeps its size in all of them, until it is
 * enlarged: then it is a dialog over the page. */
export function ChartFrame({ ref, id, title, help, note, height, chart, loading = false, error = null, onRetry, stale = false, waiting, menu, tools, children }: Props) {
  const { isLarge, toggleLarge } = chart;
  const body = useRef<HTMLDivElement>(null);
  const room = useRoom(body, isLarge);
  const merged = useMergedRef(ref, useFocusTrap(isLarge));
  useEscape(ref, isLarge, toggleLarge);
  useFocusReturned(ref, isLarge);
  return (
    <Room value={room}>
      <section ref={merged} id={id} className={classes.frame} aria-label={title} data-large={isLarge || undefined} {...(isLarge && DIALOG)}>
        <header className={classes.head}>
          <h3>{title}</h3>
          {note && <span className={classes.note}>{note}</span>}
          {help && <HelpButton about={title}>{help}</HelpButton>}
          {(waiting === null || isLarge) && <EnlargeButton title={title} isLarge={isLarge} onClick={toggleLarge} />}
          {menu}
        </header>
        <div ref={body} className={classes.body} style={isLarge ? {} : { minHeight: height }} data-stale={stale || undefined}>
          {error && !children && <ProblemAlert error={error} {...(onRetry && { onRetry })} />}
          {loading && !error && <Skeleton role="group" height={room ?? height} aria-label="Loading the chart" />}
          {!loading && waiting !== null ? <p className={classes.waiting}>{waiting}</p> : children}
        </div>
        {tools}
      </section>
      {isLarge && <div style={{ height: height + AROUND }} />}
    </Room>
  );
}

const DIALOG = { role: "dialog", "aria-modal": true } as const;

/** Where the card is narrow its menu has it, and the button is there only to make the chart small again. */
function EnlargeButton({ title, isLarge, onClick }: { title: string; isLarge: boolean; onClick: () => void }) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={28}
      className={classes.enlarge ?? ""}
      aria-label={`${isLarge ? "Make it small again" : "Enlarge"}: ${title}`}
      data-autofocus={isLarge || undefined}
      onClick={onClick}
    >
      <Icon name={isLarge ? "shrink" : "enlarge"} size={16} />
    </ActionIcon>
  );
}
