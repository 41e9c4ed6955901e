import classes from "./PolicyName.module.css";

export function PolicyName({ name, colour }: { name: string; colour: string }) {
  return (
    <span className={classes.policy}>
      <span className={classes.swatch} style={{ background: colour }} />
      {name}
    </span>
  );
}
