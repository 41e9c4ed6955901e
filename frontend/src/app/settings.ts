/** What this browser prefers. Kept here only: it is nobody else's, and follows no login. */
import { useSyncExternalStore } from "react";

export interface Settings {
  /** Single keys do things. Off for those who dictate, or whose software sends keys (WCAG 2.1.4). */
  readonly shortcuts: boolean;
  /** The browser tells when a run that is open in a tab ends. */
  readonly notify: boolean;
}

const KEY = "copd:settings";
const DEFAULTS: Settings = { shortcuts: true, notify: false };
const listeners = new Set<() => void>();

function stored(): Settings {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Record<keyof Settings, unknown>>;
    return { shortcuts: kept.shortcuts !== false, notify: kept.notify === true };
  } catch {
    return DEFAULTS; // no storage, or something else wrote there
  }
}

let current = stored();

function changed(): void {
  for (const listener of listeners) listener();
}

// another tab of this browser changed them
window.addEventListener("storage", (event) => {
  if (event.key !== KEY && event.key !== null) return;
  current = stored();
  changed();
});

export function settingsNow(): Settings {
  return current;
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // holds for this tab alone
  }
  changed();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, settingsNow);
}
