import type { WorkerView } from "../../api/types";
import { bytes, percentage } from "../../parts/numbers";
import classes from "./WorkersPage.module.css";

type Usage = NonNullable<WorkerView["usage"]>;

/** How busy the worker's machine is, all that runs there together; of a GPU only where the worker has one. */
export function Usage({ usage }: { usage: Usage }) {
  return (
    <dl className={classes.usage} aria-label="The worker's machine">
      {usage.gpu && <Figure name="GPU" text={gpuText(usage.gpu)} />}
      <Figure name="CPU" text={percentage(usage.cpu)} />
      <Figure name="Memory" text={`${bytes(usage.memory_used)} of ${bytes(usage.memory_total)}`} />
      <Figure name="Disk" text={`${bytes(usage.disk_free)} free`} />
    </dl>
  );
}

function Figure({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

/** What the driver cannot tell is left out. */
export function gpuText(gpu: NonNullable<Usage["gpu"]>): string {
  return [
    gpu.utilisation == null ? null : percentage(gpu.utilisation),
    `${bytes(gpu.memory_used)} of ${bytes(gpu.memory_total)}`,
    gpu.temperature == null ? null : `${Math.round(gpu.temperature)} °C`,
  ]
    .filter((part) => part !== null)
    .join(", ");
}
