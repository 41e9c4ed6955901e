/** The newest runs that fit a search, to choose from. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { fetchRuns } from "../../api/runs";

export const foundQuery = (search: string, limit: number) =>
  queryOptions({
    queryKey: ["runs", "found", search, limit],
    queryFn: ({ signal }) => fetchRuns({ search, states: [], methods: [], tags: [], sort: "created", descending: true }, 0, limit, signal),
    placeholderData: keepPreviousData,
  });
