import { ActionIcon, Popover } from "@mantine/core";
import { useState, type ReactNode } from "react";
import classes from "./HelpButton.module.css";
import { Icon } from "./Icon";

/** A question mark that explains what it stands beside. */
export function HelpButton({ about, children }: { about: string; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    // above, so that what it explains stays to be seen
    <Popover opened={open} onChange={setOpen} width={320} position="top-end" shadow="md" withArrow>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={28}
          aria-label={`How to read: ${about}`}
          onClick={() => setOpen(!open)}
          onKeyDown={({ key }) => key === "Escape" && setOpen(false)}
        >
          <Icon name="help" size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={classes.help}>{children}</Popover.Dropdown>
    </Popover>
  );
}
