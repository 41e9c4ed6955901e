import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { checkSpec } from "../../api/actions";
import { ApiError } from "../../api/client";
import type { SpecCheck } from "../../api/types";

export interface Checked {
  /** The server's last answer; while `pending`, that of an earlier text. */
  check: SpecCheck | undefined;
  pending: boolean;
  error: Error | null;
}

/** The server's dry run of the text, some moments after the last key. Asks again by itself while the server is away. */
export function useSpecCheck(text: string | null, keepRounds = 0): Checked {
  const [settled] = useDebouncedValue(text, 300);
  const query = useQuery({
    queryKey: ["spec-check", settled, keepRounds],
    queryFn: ({ signal }) => checkSpec(settled ?? "", signal, keepRounds),
    enabled: settled !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
    refetchInterval: ({ state }) => (state.error instanceof ApiError && state.error.status === 0 ? 2_000 : false),
  });
  return { check: query.data, pending: query.isFetching || settled !== text, error: query.error };
}
