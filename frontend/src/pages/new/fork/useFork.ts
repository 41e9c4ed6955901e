import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { newKey } from "../../../api/actions";
import { ApiError } from "../../../api/client";
import { fork, type ForkWish } from "../../../api/newRun";
import type { Run } from "../../../api/types";
import type { Value } from "./cut";

interface Kept {
  changes: Record<string, Value>;
  reseed: boolean;
  name: string;
}

export interface ForkDraft extends Kept {
  setAll: (changes: Record<string, Value>) => void;
  unset: (path: string) => void;
  setReseed: (reseed: boolean) => void;
  setName: (name: string) => void;
  clear: () => void;
}

const EMPTY: Kept = { changes: {}, reseed: false, name: "" };

/** What is wanted of the fork, kept for this tab until it is submitted. */
export function useForkDraft(id: string): ForkDraft {
  const key = `copd:draft:fork:${id}`;
  const [draft, setDraft] = useState<Kept>(() => ({ ...EMPTY, ...(JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Kept>) }));
  const write = (next: Kept): void => {
    sessionStorage.setItem(key, JSON.stringify(next));
    setDraft(next);
  };
  return {
    ...draft,
    setAll: (changes) => write({ ...draft, changes: { ...draft.changes, ...changes } }),
    unset: (path) => write({ ...draft, changes: Object.fromEntries(Object.entries(draft.changes).filter(([name]) => name !== path)) }),
    setReseed: (reseed) => write({ ...draft, reseed }),
    setName: (name) => write({ ...draft, name }),
    clear: () => {
      sessionStorage.removeItem(key);
      setDraft(EMPTY);
    },
  };
}

/** Until the server has answered, trying again with the same wish sends the same key, so that it is one run. */
export function useForkSubmit(id: string, onRun: (run: Run) => void) {
  const client = useQueryClient();
  const attempt = useRef<{ wish: string; key: string }>(null);
  return useMutation<Run, Error, { wish: ForkWish; isRollBack: boolean }>({
    mutationFn: ({ wish, isRollBack }) => {
      const wanted = JSON.stringify([wish, isRollBack]);
      if (attempt.current?.wish !== wanted) attempt.current = { wish: wanted, key: newKey() };
      return fork(id, wish, isRollBack, attempt.current.key);
    },
    onError: (error) => {
      const answered = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (answered) attempt.current = null;
    },
    onSuccess: (run) => {
      attempt.current = null;
      void client.invalidateQueries({ queryKey: ["runs"] });
      void client.invalidateQueries({ queryKey: ["run", id] });
      onRun(run);
    },
  });
}
