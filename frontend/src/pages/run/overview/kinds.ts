/** Kinds of segments as people read them. */
export const KINDS: Record<string, string> = {
  sft: "cold start",
  rlvr: "RLVR",
  opd: "OPD",
  evaluate: "evaluation",
  measure: "agreement",
  merge: "merge",
  export: "export",
};
