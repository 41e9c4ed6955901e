import { useId, useMemo, useState } from "react";
import { excerpt, linesOf, type Change } from "./diff";
import { render, type Plain } from "./yaml/scalars";
import classes from "./Changes.module.css";

const SHOWN = 12;

function Value({ value, fallback }: { value: Plain | undefined; fallback: string }) {
  return value === undefined ? <em>{fallback}</em> : <code>{render(value)}</code>;
}

/** What differs from where this started: field by field, and on demand line by line. */
export function Changes({ title, changes, before, after, absent = "default" }: { title: string; changes: readonly Change[]; before: string; after: string; absent?: string }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const shown = changes.slice(0, SHOWN);
  return (
    <section className={classes.changes} aria-labelledby={id}>
      <h2 id={id} className={classes.title}>
        {title}
      </h2>
      {changes.length === 0 && <p className={classes.none}>{before === after ? "Nothing is changed." : "No field is changed; comments or their places are."}</p>}
      <dl className={classes.fields}>
        {shown.map(({ path, from, to }) => (
          <div key={path}>
            <dt>{path}</dt>
            <dd>
              <Value value={from} fallback={absent} /> <span aria-label="becomes">→</span> <Value value={to} fallback={absent} />
            </dd>
          </div>
        ))}
      </dl>
      {changes.length > shown.length && <p className={classes.none}>and {changes.length - shown.length} more</p>}
      {before !== after && (
        <button type="button" className={classes.toggle} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide the lines" : "Show the lines"}
        </button>
      )}
      {isOpen && <LineDiff before={before} after={after} />}
    </section>
  );
}

function LineDiff({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => excerpt(linesOf(before, after)), [before, after]);
  return (
    <div className={classes.lines} tabIndex={0} role="region" aria-label="Changed lines">
      {lines.map((line, i) =>
        line === null ? (
          <div key={i} className={classes.gap} aria-hidden="true">
            ⋯
          </div>
        ) : (
          <div key={i} data-kind={line.kind}>
            <span className="visually-hidden">{line.kind === "gone" ? "without: " : line.kind === "new" ? "new: " : ""}</span>
            <span aria-hidden="true">{line.kind === "gone" ? "− " : line.kind === "new" ? "+ " : "  "}</span>
            {line.text}
          </div>
        ),
      )}
    </div>
  );
}
