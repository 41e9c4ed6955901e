import { Button, Menu } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { requestExport } from "../../../api/actions";
import { exportsQuery } from "../../../api/queries";
import type { Run } from "../../../api/types";
import { Link } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { Icon } from "../../../parts/Icon";
import { ProblemAlert } from "../../../parts/Problem";
import { asCurl, asPython } from "./copyAs";
import classes from "./Result.module.css";

const POLICY = "merged";

export function ResultActions({ run }: { run: Run }) {
  const { copy, copied } = useClipboard({ timeout: 1_500 });
  const maySteer = useMaySteer();
  return (
    <div className={classes.actions}>
      <DownloadModel run={run} />
      {maySteer && (
        <Button component={Link} href={`/new?from=${run.id}`} variant="default" leftSection={<Icon name="repeat" size={16} />}>
          Run again with changes
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<Icon name={copied ? "check" : "copy"} size={16} />}>
            {copied ? "Copied" : "Copy as"}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => copy(run.source)}>YAML</Menu.Item>
          <Menu.Item onClick={() => copy(asCurl(window.location.origin, run.source))}>curl</Menu.Item>
          <Menu.Item onClick={() => copy(asPython(window.location.origin, run.source))}>Python</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

/** Asks for the folder when it was not made yet, then hands it out. */
function DownloadModel({ run }: { run: Run }) {
  const client = useQueryClient();
  const maySteer = useMaySteer();
  const { data } = useQuery(exportsQuery(run.id));
  const request = useMutation({
    mutationFn: () => requestExport(run.id, POLICY),
    onSettled: () => client.invalidateQueries({ queryKey: ["run", run.id, "exports"] }),
  });
  const newest = data?.exports.filter((e) => e.policy === POLICY).toSorted((a, b) => b.id - a.id)[0];
  const icon = <Icon name="download" size={16} />;
  if (newest?.state === "ready" && newest.url) {
    return (
      <Button component="a" href={newest.url} download leftSection={icon}>
        Download model
      </Button>
    );
  }
  if (!maySteer) return null;
  return (
    <>
      <Button leftSection={icon} loading={request.isPending || newest?.state === "waiting"} onClick={() => request.mutate()}>
        {newest?.state === "failed" ? "Try the export again" : "Prepare download"}
      </Button>
      {request.error && <ProblemAlert error={request.error} />}
    </>
  );
}
