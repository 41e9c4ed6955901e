import classes from "./Events.module.css";

export function Traceback({ text }: { text: string }) {
  return (
    <details className={classes.traceback}>
      <summary>Traceback</summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}
