import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { curlCommand, type Request } from "./curl";
import { Icon } from "./Icon";
import classes from "./CopyCurl.module.css";

interface Props extends Request {
  /** What the action does, for the button's name: "pause the run". */
  what?: string;
}

/** The action beside it, as a curl command: `<CopyCurl method="POST" path={`/api/v1/runs/${id}/pause`} what="pause the run" />`. */
export function CopyCurl({ what, ...request }: Props) {
  const name = `Copy as curl${what ? `: ${what}` : ""}`;
  return (
    <CopyButton value={curlCommand(window.location.origin, request)}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : "Copy as curl"}>
          <ActionIcon className={classes.button} variant="subtle" color="gray" size={32} onClick={copy} aria-label={name}>
            <Icon name={copied ? "check" : "terminal"} size={16} />
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
