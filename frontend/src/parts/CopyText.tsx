import { CopyButton, Tooltip } from "@mantine/core";
import classes from "./Table.module.css";

/** A long text shown short, that copies itself. */
export function CopyText({ text, shown, what }: { text: string; shown: string; what: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : `Copy the whole ${what}`}>
          <button type="button" className={classes.copy} onClick={copy} aria-label={`Copy the ${what} ${shown}`}>
            {shown}
          </button>
        </Tooltip>
      )}
    </CopyButton>
  );
}
