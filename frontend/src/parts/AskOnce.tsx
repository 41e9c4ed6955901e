import { Button, Group, Popover, type ButtonProps } from "@mantine/core";
import { useState, type ComponentProps, type ReactNode } from "react";
import { CopyCurl } from "./CopyCurl";
import classes from "./AskOnce.module.css";

interface Props extends ButtonProps {
  label: string;
  /** The button's whole name, where several on the page have the same label: "Revoke the token notebook". */
  name?: string;
  /** What it would do, for a pointer that rests on it. */
  title?: string;
  question: ReactNode;
  /** What the button that does it says. */
  yes: string;
  no?: string;
  /** The same as a command. */
  curl?: ComponentProps<typeof CopyCurl>;
  onYes: () => void;
}

/** A button that asks once, with what is lost and what stays, before it does something that cannot be undone. */
export function AskOnce({ label, name, question, yes, no = "Keep", curl, onYes, ...button }: Props) {
  const [open, setOpen] = useState(false);
  const act = (): void => {
    setOpen(false);
    onYes();
  };
  return (
    <Popover opened={open} onChange={setOpen} width={300} position="bottom-end" shadow="md" withArrow trapFocus returnFocus withRoles={false}>
      <Popover.Target>
        <Button variant="default" size="xs" {...button} aria-haspopup="dialog" aria-expanded={open} aria-label={name} onClick={() => setOpen(!open)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={name ?? label}>
        <div className={classes.question}>{question}</div>
        <Group mt="sm" gap="xs" className={classes.answers}>
          <Button size="xs" color="red" onClick={act} data-autofocus>
            {yes}
          </Button>
          <Button size="xs" variant="default" onClick={() => setOpen(false)}>
            {no}
          </Button>
          {curl && <CopyCurl {...curl} />}
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}
