/** Kinds of segments as people read them, and what each does. */
export const KINDS: Record<string, { name: string; what: string }> = {
  rlvr: { name: "RLVR", what: "learns its own domain from verified rewards" },
  opd: { name: "OPD", what: "learns from its teachers too, on what it says itself" },
  measure: { name: "agreement", what: "compared with its peers" },
  merge: { name: "merge", what: "mean of the experts" },
  evaluate: { name: "evaluation", what: "held-out accuracy" },
  export: { name: "export", what: "a model made ready to download" },
};

export const kindName = (kind: string): string => KINDS[kind]?.name ?? kind;
