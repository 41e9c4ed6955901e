import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { specSchemaQuery } from "../../api/newRun";
import { runQuery, templatesQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useUrl } from "../../app/router";
import { fieldsOf, type Field, type Schema } from "./form/shape";
import { submittedText, withEdits } from "./specText";

/** Where a spec starts: a ready-made one, or that of an earlier run, with its edits or as it was submitted. */
export interface Origin {
  kind: "template" | "run";
  name: string;
  submitted: boolean;
}

export interface Draft {
  origin: Origin;
  /** The earlier run that it starts from. */
  run: Run | undefined;
  /** The text it starts from; null until that is here. */
  source: string | null;
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
  const submitted = searchParams.get("edits") === "0";
  return run ? { kind: "run", name: run, submitted } : { kind: "template", name: searchParams.get("template") ?? DEFAULT_TEMPLATE, submitted };
}

/** The fields of a spec, from its schema. */
export function useSpecFields(): { fields: readonly Field[] | null; error: Error | null } {
  const { data, error } = useQuery(specSchemaQuery);
  const fields = useMemo(() => (data ? fieldsOf(data as Schema) : null), [data]);
  return { fields, error };
}

/** The text of each origin, kept for this tab until it is submitted, so that a reload or a look elsewhere loses nothing. */
export function useDraft(): Draft {
  const origin = useOrigin();
  const { fields } = useSpecFields();
  const templates = useQuery({ ...templatesQuery, enabled: origin.kind === "template" });
  const run = useQuery({ ...runQuery(origin.name), enabled: origin.kind === "run" });
  const key = `copd:draft:${origin.kind}:${origin.name}${origin.submitted ? ":submitted" : ""}`;
  const [written, setWritten] = useState<{ key: string; text: string | null } | null>(null);

  const template = templates.data?.templates.find((t) => t.name === origin.name);
  const ofRun = useMemo(() => {
    if (!run.data || !fields) return null;
    const text = submittedText(run.data, fields);
    return origin.submitted ? text : withEdits(text, run.data.edits, fields);
  }, [run.data, fields, origin.submitted]);
  const source = (origin.kind === "run" ? ofRun : template?.source) ?? null;
  const kept = written?.key === key ? written.text : sessionStorage.getItem(key);
  const missing = templates.data && !template ? new Error(`There is no template “${origin.name}”.`) : null;

  return {
    origin,
    run: origin.kind === "run" ? run.data : undefined,
    source,
    text: kept ?? source,
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
