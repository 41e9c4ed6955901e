import { ActionIcon, Popover } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./HelpButton.module.css";
import { Icon } from "./Icon";

/** A question mark that explains what it stands beside. */
export function HelpButton({ about, children }: { about: string; children: ReactNode }) {
  return (
    <Popover width={320} position="bottom-end" shadow="md" withArrow>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size={28} aria-label={`How to read: ${about}`}>
          <Icon name="help" size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={classes.help}>{children}</Popover.Dropdown>
    </Popover>
  );
}
