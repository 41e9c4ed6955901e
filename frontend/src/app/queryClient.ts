import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";

/** Answers the server gave on purpose are final; a server that does not answer is asked again. */
function shouldRetry(failures: number, error: Error): boolean {
  const status = error instanceof ApiError ? error.status : 0;
  return failures < 2 && (status === 0 || status >= 500);
}

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: shouldRetry, staleTime: 5_000, refetchOnWindowFocus: true } },
});
