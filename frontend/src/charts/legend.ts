/** Which curves of a chart are hidden, by the names in its legend. Pure. */

/** One alone; all again, when it is alone already. */
export function isolate(names: readonly string[], hidden: readonly string[], chosen: string): string[] {
  const others = names.filter((name) => name !== chosen);
  const isAlone = !hidden.includes(chosen) && others.every((name) => hidden.includes(name));
  return isAlone ? [] : others;
}

/** One on or off; all again rather than none. */
export function toggle(names: readonly string[], hidden: readonly string[], chosen: string): string[] {
  const next = hidden.includes(chosen) ? hidden.filter((name) => name !== chosen) : [...hidden, chosen];
  return names.every((name) => next.includes(name)) ? [] : next;
}

/** As it stands in the address: "text~image%20two". */
export function parseHidden(text: string): string[] {
  if (!text) return [];
  try {
    return text.split("~").map(decodeURIComponent);
  } catch {
    return []; // an address that somebody cut off
  }
}

export function formatHidden(hidden: readonly string[]): string {
  return hidden.map((name) => encodeURIComponent(name).replaceAll("~", "%7E")).join("~");
}
