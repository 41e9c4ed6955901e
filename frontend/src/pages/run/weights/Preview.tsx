import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { ApiError } from "../../../api/client";
import { previewQuery, type Changes } from "../../../api/steering";
import type { ControlPreview, Run } from "../../../api/types";
import { planText, whenText } from "./changes";
import { nameOf } from "./names";
import classes from "./Weights.module.css";

const PAUSE_MS = 100;
/** Somebody else changed the run: it is about to be shown as it is, and the changes are looked at anew then. */
const STALE = 412;

export interface Previewed {
  preview: ControlPreview | undefined;
  /** Why the server would refuse. */
  refusal: Error | null;
  isPending: boolean;
}

/** What the server says the changes would do, asked a little after the last of them was typed. */
export function usePreview(run: Run, changes: Changes): Previewed {
  const [asked] = useDebouncedValue(changes, PAUSE_MS);
  const isSome = Object.keys(changes).length > 0;
  const { data, error, isFetching } = useQuery(previewQuery(run, asked));
  const isStale = error instanceof ApiError && error.status === STALE;
  return { preview: isSome ? data : undefined, refusal: isSome && !isStale ? error : null, isPending: isSome && (asked !== changes || isFetching) };
}

/** One sentence for the edit of a value, and one for the plan where it changes. */
export function PreviewText({ previewed: { preview, refusal, isPending } }: { previewed: Previewed }) {
  if (refusal) return <Refusal error={refusal} />;
  if (!preview) return <>{isPending ? "Asking what that would do…" : ""}</>;
  const plan = planText(preview);
  const others = preview.edits.filter((edit) => edit.author === "scheduler");
  return (
    <>
      <strong>{sentence(whenText(preview.edits[0]))}</strong> {plan}
      {others.length > 0 && ` The adaptive schedule would then also set ${others.map((edit) => nameOf(edit.path)).join(", ")}.`}
    </>
  );
}

function Refusal({ error }: { error: Error }) {
  const fields = error instanceof ApiError ? error.fields : [];
  return <span className={classes.refusal}>{fields.length > 0 ? fields.map((f) => f.message).join("; ") : error.message}</span>;
}

function sentence(text: string): string {
  return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : "";
}
