import { Button, CopyButton } from "@mantine/core";
import { Icon } from "../../parts/Icon";
import classes from "./People.module.css";

/** A value that can be read now and never again. */
export function SecretOnce({ what, value, use, onDone }: { what: string; value: string; use: string; onDone: () => void }) {
  return (
    <section className={classes.secret} aria-label={`${what}, shown once`}>
      <p>
        <strong>{what}.</strong> Copy it now: it is shown this once, and kept nowhere as it is. {use}
      </p>
      <code className={classes.value} data-testid="secret">
        {value}
      </code>
      <div className={classes.secretEnd}>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button size="xs" leftSection={<Icon name={copied ? "check" : "copy"} size={14} />} onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
        <Button size="xs" variant="default" onClick={onDone}>
          I have it
        </Button>
      </div>
    </section>
  );
}
