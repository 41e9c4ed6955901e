import { Button, Menu } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { checkpointsQuery, exportsQuery } from "../../../api/queries";
import type { ResultCard, Run } from "../../../api/types";
import { Link } from "../../../app/router";
import { useMaySteer } from "../../../app/useMaySteer";
import { Icon } from "../../../parts/Icon";
import { bytes } from "../../../parts/numbers";
import { exportOf } from "../checkpoints/checkpointText";
import { Export } from "../checkpoints/Export";
import { asCurl, asPython } from "./copyAs";
import classes from "./Result.module.css";

interface Props {
  run: Run;
  result: ResultCard;
}

export function ResultActions({ run, result }: Props) {
  const { copy, copied } = useClipboard({ timeout: 1_500 });
  const maySteer = useMaySteer();
  return (
    <div className={classes.actions}>
      <Models run={run} result={result} />
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

/** The merged model as training left it, and as it was at its best. */
function Models({ run, result }: Props) {
  const all = useQuery(checkpointsQuery(run.id)).data?.checkpoints ?? [];
  const exports = useQuery(exportsQuery(run.id)).data?.exports ?? [];
  const steps = [...new Set([result.step, result.best_step])];
  const models = steps.flatMap((step) => all.filter((each) => each.policy === "merged" && each.step === step));
  return models.map((model, i) => (
    <Export key={model.step} run={run} checkpoint={model} made={exportOf(exports, model)} name="of the merged model" label={`step ${model.step} (.zip, ${bytes(model.bytes)})`} isMain={i === 0} />
  ));
}
