import { useCallback } from "react";
import type { LogFilter } from "../../../api/log";
import { navigate, useUrl } from "../../../app/router";

const LEVELS: readonly LogFilter["level"][] = ["info", "warning", "error"];
const FALLBACK: LogFilter = { who: "", level: "info", policy: "", attempt: "", q: "" };

/** The filter as the address has it. An address nobody wrote filters nothing. */
export function useLogFilter(): [LogFilter, (name: keyof LogFilter, value: string) => void] {
  const { searchParams } = useUrl();
  const read = (name: keyof LogFilter): string => searchParams.get(name) ?? FALLBACK[name];
  const filter = { who: read("who"), level: LEVELS.find((level) => level === read("level")) ?? "info", policy: read("policy"), attempt: read("attempt"), q: read("q") };
  const set = useCallback((name: keyof LogFilter, value: string) => {
    const url = new URL(window.location.href);
    if (value === FALLBACK[name]) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    navigate(url.pathname + url.search, { replace: true });
  }, []);
  return [filter, set];
}
