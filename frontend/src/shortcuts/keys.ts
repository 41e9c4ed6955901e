/** Which shortcut a key completes. Pure: the page's keyboard, its registry and the sheet are elsewhere. */

export interface Shortcut {
  /** One key, or keys one after the other with blanks between: "?", "g r". As KeyboardEvent.key names them. */
  readonly keys: string;
  readonly what: string;
  readonly run: () => void;
}

export interface Heard {
  /** What the key completes. */
  readonly shortcut: Shortcut | null;
  /** What the next key goes on from: the beginning of some shortcut, or nothing. */
  readonly pending: string;
}

/** After `pending`, this key. A key that leads nowhere is heard once more as a beginning. */
export function hear(shortcuts: readonly Shortcut[], pending: string, key: string): Heard {
  const typed = pending ? `${pending} ${key}` : key;
  const shortcut = shortcuts.findLast(({ keys }) => keys === typed) ?? null;
  if (shortcut) return { shortcut, pending: "" };
  if (shortcuts.some(({ keys }) => keys.startsWith(`${typed} `))) return { shortcut: null, pending: typed };
  return pending ? hear(shortcuts, "", key) : { shortcut: null, pending: "" };
}

/** Whether the key belongs to what is focused: text that is typed, a choice, a dialog, a grid that has keys of its own. */
export function isTaken(event: Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey" | "defaultPrevented" | "isComposing" | "target">): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return true;
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true], [role=textbox], [role=menu], [role=listbox], [role=dialog], [role=slider]") != null;
}
