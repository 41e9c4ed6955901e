import { Fragment } from "react";

/** A description of the schema, which begins small: `names` in backticks are code. */
export function Help({ text }: { text: string }) {
  const parts = (text.charAt(0).toUpperCase() + text.slice(1)).split("`");
  return parts.map((part, i) => <Fragment key={i}>{i % 2 ? <code>{part}</code> : part}</Fragment>);
}
