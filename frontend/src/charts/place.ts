/** Where something stands on a horizontal axis, as a number: steps, tokens, or milliseconds since 1970 by UTC. Pure. */
export function place(at: unknown): number | null {
  if (typeof at === "number") return Number.isFinite(at) ? at : null;
  if (typeof at !== "string" || at === "") return null;
  // Plotly writes "2026-01-01 10:00:00.5" and means what it was given, which the server gives in UTC.
  const iso = at.replace(" ", "T");
  const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(iso) || !iso.includes("T") ? iso : `${iso}Z`);
  return Number.isNaN(time) ? null : time;
}
