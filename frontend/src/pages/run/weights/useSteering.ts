import { useState } from "react";
import type { ApiError } from "../../../api/client";
import { useEdit, type Changes } from "../../../api/steering";
import type { Run } from "../../../api/types";
import { useMaySteer } from "../../../app/useMaySteer";
import { announce } from "../../../parts/Announcer";
import { isOver } from "../runText";
import { staged, without } from "./changes";

const STALE = 412;

/** Everything the tab's controls need to change the run. */
export interface Steering {
  run: Run;
  /** Nothing may be changed: by this person, or at all any more. */
  locked: boolean;
  /** Written down, and not asked for yet. */
  changes: Changes;
  stage: (more: Changes) => void;
  unstage: (paths: readonly string[]) => void;
  /** Asks for these at once. What is refused, or meets a newer version of the run, is kept among the changes. */
  apply: (values: Changes) => void;
  isApplying: boolean;
  /** Somebody else changed the run first. */
  isStale: boolean;
  error: ApiError | null;
}

export function useSteering(run: Run): Steering {
  const [changes, setChanges] = useKept(`copd:changes:${run.id}`);
  const action = useEdit(run);
  const may = useMaySteer();
  const stage = (more: Changes): void => setChanges((held) => staged(held, more, run.controls));
  const apply = (values: Changes): void =>
    action.mutate(values, {
      onSuccess: () => {
        const paths = Object.keys(values);
        setChanges((held) => without(held, paths));
        announce(`Requested: ${paths.join(", ")}.`);
      },
      onError: () => stage(values),
    });
  const isStale = action.error?.status === STALE;
  return {
    run,
    locked: !may || isOver(run.state),
    changes,
    stage,
    unstage: (paths) => {
      action.reset();
      setChanges((held) => without(held, paths));
    },
    apply,
    isApplying: action.isPending,
    isStale,
    error: isStale ? null : action.error,
  };
}

/** Changes kept for this browser tab: a look at another part of the page loses none. */
function useKept(key: string): [Changes, (change: (held: Changes) => Changes) => void] {
  const [changes, setChanges] = useState<Changes>(() => read(key));
  const set = (change: (held: Changes) => Changes): void =>
    setChanges((held) => {
      const next = change(held);
      sessionStorage.setItem(key, JSON.stringify(next));
      return next;
    });
  return [changes, set];
}

function read(key: string): Changes {
  try {
    const held: unknown = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    return typeof held === "object" && held !== null && !Array.isArray(held) ? (held as Changes) : {};
  } catch {
    return {};
  }
}
