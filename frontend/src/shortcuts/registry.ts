/** The shortcuts of what is on the page now: each part of it adds its own while it is mounted. */
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useSettings } from "../app/settings";
import { hear, isTaken, type Shortcut } from "./keys";

export interface Group {
  readonly title: string;
  readonly shortcuts: readonly Shortcut[];
}

/** How long the first key of two is remembered. */
const SEQUENCE_MS = 1_200;

let groups: readonly Group[] = [];
const listeners = new Set<() => void>();

function publish(next: readonly Group[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** In the order in which their parts were mounted. */
export function useShortcutGroups(): readonly Group[] {
  return useSyncExternalStore(subscribe, () => groups);
}

/** Adds shortcuts as long as the component is mounted. Of two with the same keys the later one is meant. */
export function useShortcuts(title: string, shortcuts: readonly Shortcut[]): void {
  const newest = useRef(shortcuts);
  useEffect(() => {
    newest.current = shortcuts;
  });
  const known = shortcuts.map(({ keys, what }) => `${keys}\t${what}`).join("\n");
  useEffect(() => {
    // What they do is looked up when they are pressed, so that a part that draws again is not registered again.
    const group: Group = {
      title,
      shortcuts: newest.current.map(({ keys, what }, i) => ({ keys, what, run: () => newest.current[i]?.run() })),
    };
    publish([...groups, group]);
    return () => publish(groups.filter((other) => other !== group));
  }, [title, known]);
}

/** Listens to the keyboard, once for the page. */
export function useKeyboard(): void {
  const { shortcuts: on } = useSettings();
  useEffect(() => {
    if (!on) return;
    let pending = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (isTaken(event) || event.key === "Shift") return;
      const heard = hear(groups.flatMap((group) => group.shortcuts), pending, event.key);
      clearTimeout(timer);
      pending = heard.pending;
      timer = setTimeout(() => (pending = ""), SEQUENCE_MS);
      if (!heard.shortcut) return;
      event.preventDefault();
      heard.shortcut.run();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      clearTimeout(timer);
    };
  }, [on]);
}
