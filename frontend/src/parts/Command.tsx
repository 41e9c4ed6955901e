import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { Icon } from "./Icon";
import classes from "./Command.module.css";

/** A shell command to copy. */
export function Command({ text }: { text: string }) {
  return (
    <span className={classes.command}>
      <code>{text}</code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "Copied" : "Copy"}>
            <ActionIcon variant="subtle" color="gray" size={32} onClick={copy} aria-label={`Copy the command ${text}`}>
              <Icon name={copied ? "check" : "copy"} size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  );
}
