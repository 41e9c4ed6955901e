import type { KeyboardEvent } from "react";
import classes from "./NewRunPage.module.css";

export type View = "form" | "yaml";
const VIEWS: readonly [View, string][] = [
  ["form", "Form"],
  ["yaml", "YAML"],
];

/** Where there is no room for both: the form or the text. */
export function ViewTabs({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = view === "form" ? "yaml" : "form";
    onChange(other);
    document.getElementById(`tab-${other}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="Write the spec as" className={classes.tabs} onKeyDown={onKeyDown}>
      {VIEWS.map(([name, label]) => (
        <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={view === name} aria-controls={`panel-${name}`} tabIndex={view === name ? 0 : -1} onClick={() => onChange(name)}>
          {label}
        </button>
      ))}
    </div>
  );
}
