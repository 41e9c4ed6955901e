import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { runQuery, templatesQuery } from "../../api/queries";
import { useUrl } from "../../app/router";

/** Where a spec starts: a ready-made one, or that of an earlier run. */
export interface Origin {
  kind: "template" | "run";
  name: string;
}

export interface Draft {
  origin: Origin;
  /** The text as it stands; null until the origin's is here. */
  text: string | null;
  edited: boolean;
  error: Error | null;
  write: (text: string) => void;
  /** Forgets what was written. */
  reset: () => void;
}

const DEFAULT_TEMPLATE = "three-experts";

export function useOrigin(): Origin {
  const { searchParams } = useUrl();
  const run = searchParams.get("from");
  return run ? { kind: "run", name: run } : { kind: "template", name: searchParams.get("template") ?? DEFAULT_TEMPLATE };
}

/** The text of each origin, kept for this tab until it is submitted, so that a reload or a look elsewhere loses nothing. */
export function useDraft(): Draft {
  const origin = useOrigin();
  const templates = useQuery({ ...templatesQuery, enabled: origin.kind === "template" });
  const run = useQuery({ ...runQuery(origin.name), enabled: origin.kind === "run" });
  const key = `copd:draft:${origin.kind}:${origin.name}`;
  const [written, setWritten] = useState<{ key: string; text: string | null } | null>(null);

  const template = templates.data?.templates.find((t) => t.name === origin.name);
  const source = origin.kind === "run" ? run.data?.source : template?.source;
  const kept = written?.key === key ? written.text : sessionStorage.getItem(key);
  const missing = templates.data && !template ? new Error(`There is no template “${origin.name}”.`) : null;

  return {
    origin,
    text: kept ?? source ?? null,
    edited: kept !== null && kept !== source,
    error: kept === null ? (origin.kind === "run" ? run.error : (templates.error ?? missing)) : null,
    write: (text) => {
      sessionStorage.setItem(key, text);
      setWritten({ key, text });
    },
    reset: () => {
      sessionStorage.removeItem(key);
      setWritten({ key, text: null });
    },
  };
}
