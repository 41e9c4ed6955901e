import type { ComponentProps, ReactNode } from "react";
import type { Value } from "../../../api/steering";
import type { EditView } from "../../../api/types";
import { setting } from "../../../parts/numbers";
import classes from "./Weights.module.css";

interface Props extends Omit<ComponentProps<"button">, "value"> {
  label: string;
  value: unknown;
  pending: EditView | null;
  /** Written down, and not asked for yet. */
  staged: Value | undefined;
  /** Where its schedule leads it. */
  end?: number | undefined;
  picture?: ReactNode;
}

/** A value that opens its editor, with what is on its way to it. */
export function ValueButton({ label, value, pending, staged, end, picture, ...rest }: Props) {
  const shown = setting(value);
  const moves = end === undefined ? "" : ` → ${setting(end)}`;
  const name = `${label}: ${shown}${moves}${pending ? `, pending, ${setting(pending.old)} until then` : ""}${staged === undefined ? "" : `, ${setting(staged)} not applied`}. Edit`;
  return (
    <button type="button" {...rest} className={classes.value} data-pending={pending !== null || undefined} data-staged={staged === undefined ? undefined : true} aria-label={name}>
      {pending ? `${setting(pending.old)} → ${shown}` : shown}
      {moves && <span className={classes.ends}>{moves}</span>}
      {picture}
      {pending && (
        <span className={classes.pending} title={pending.expected ?? undefined}>
          pending
        </span>
      )}
      {staged !== undefined && <span className={classes.stagedValue}>→ {setting(staged)}</span>}
    </button>
  );
}
