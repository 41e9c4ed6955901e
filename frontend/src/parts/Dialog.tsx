import { Modal, type ModalRootProps } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Dialog.module.css";

interface Props {
  title: string;
  size?: ModalRootProps["size"];
  onClose: () => void;
  children: ReactNode;
}

/**
 * A window over the page, while it is mounted. Of Mantine's parts, but for two: its header would be a second banner of the page, and its
 * lock against scrolling writes a style that the content policy refuses; global.css locks the page instead.
 */
export function Dialog({ title, size = "md", onClose, children }: Props) {
  return (
    <Modal.Root opened onClose={onClose} size={size} lockScroll={false}>
      <Modal.Overlay />
      <Modal.Content>
        <div className={classes.head}>
          <Modal.Title className={classes.title ?? ""}>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" size={44} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
