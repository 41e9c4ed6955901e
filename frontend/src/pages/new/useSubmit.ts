import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { newKey, submitRun } from "../../api/actions";
import { ApiError } from "../../api/client";
import type { Run } from "../../api/types";

/** Submits a text as a run. Until the server has answered, trying again with the same text sends the same key, so that it is one run. */
export function useSubmit(onRun: (run: Run) => void) {
  const client = useQueryClient();
  const attempt = useRef<{ text: string; key: string }>(null);
  return useMutation<Run, Error, string>({
    mutationFn: (text) => {
      if (attempt.current?.text !== text) attempt.current = { text, key: newKey() };
      return submitRun(text, attempt.current.key);
    },
    onError: (error) => {
      const answered = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (answered) attempt.current = null;
    },
    onSuccess: (run) => {
      attempt.current = null;
      void client.invalidateQueries({ queryKey: ["runs"] });
      onRun(run);
    },
  });
}
