import { USAGE_MINUTES } from "../../api/machines";
import type { WorkerUsage, WorkerView } from "../../api/types";
import { Link } from "../../app/router";
import { count } from "../../parts/numbers";
import { StateBadge } from "../../parts/StateBadge";
import { about, ago } from "../../parts/time";
import { spanOf } from "./sparkline";
import { Usage } from "./Usage";
import { UsageSpark } from "./UsageSpark";
import classes from "./WorkersPage.module.css";

const LABELS: Partial<Record<WorkerView["state"], string>> = { loading: "loading torch", busy: "at work" };

function Task({ worker }: { worker: WorkerView }) {
  if (!worker.run || !worker.segment) return <span className={classes.nothing}>{worker.state === "idle" ? "nothing to do" : ""}</span>;
  const share = worker.total ? worker.done / worker.total : 0;
  return (
    <>
      <div className={classes.task}>
        <Link href={`/runs/${worker.run}`}>{worker.run_name ?? worker.run}</Link>
        <code>{worker.segment}</code>
        {worker.attempt !== null && (
          <Link className={classes.events} href={`/runs/${worker.run}?tab=events&attempt=${worker.attempt}`} aria-label={`Events of ${worker.segment}`}>
            Events
          </Link>
        )}
      </div>
      <div className={classes.progress}>
        <div className={classes.track} role="progressbar" aria-label={`Progress of ${worker.segment}`} aria-valuemin={0} aria-valuemax={Math.max(worker.total, 1)} aria-valuenow={worker.done}>
          <div className={classes.fill} style={{ width: `${share * 100}%` }} />
        </div>
        <span>{worker.total ? `${count(worker.done)} of ${count(worker.total)}` : "getting ready"}</span>
      </div>
    </>
  );
}

function Versions({ versions, fingerprint }: Pick<WorkerView, "versions" | "fingerprint">) {
  return (
    <details className={classes.versions}>
      <summary>Versions</summary>
      <dl>
        {Object.entries(versions).map(([name, version]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{version}</dd>
          </div>
        ))}
        <div>
          <dt>fingerprint</dt>
          <dd>
            <code>{fingerprint}</code>
          </dd>
        </div>
      </dl>
    </details>
  );
}

function History({ usage, now }: { usage: WorkerUsage; now: number }) {
  const shared = { usage, minutes: spanOf(usage.time, now, USAGE_MINUTES), now };
  return (
    <div className={classes.history}>
      <UsageSpark name="CPU of the machine" values={usage.cpu} {...shared} />
      <UsageSpark name="Memory of the machine" values={usage.memory} {...shared} />
      {usage.gpu && <UsageSpark name="GPU" values={usage.gpu} {...shared} />}
      {usage.gpu_memory && <UsageSpark name="GPU memory" values={usage.gpu_memory} {...shared} />}
    </div>
  );
}

export function WorkerRow({ worker, usage, now }: { worker: WorkerView; usage: WorkerUsage | undefined; now: number }) {
  const device = worker.device === "cpu" ? `CPU, ${worker.threads} thread${worker.threads === 1 ? "" : "s"}` : worker.device;
  const up = about((now - Date.parse(worker.started_at)) / 1000);
  return (
    <li className={classes.worker} aria-label={worker.name}>
      <div className={classes.who}>
        <h2>{worker.name}</h2>
        <StateBadge state={worker.state} label={LABELS[worker.state] ?? worker.state} />
      </div>
      <div className={classes.what}>
        <Task worker={worker} />
        {usage && <History usage={usage} now={now} />}
      </div>
      <div className={classes.facts}>
        <span>{device}</span>
        <span>
          {worker.host} · pid {worker.pid}
        </span>
        <span>
          seen {ago(worker.seen_at, now)}, up {up}
        </span>
        {worker.usage && <Usage usage={worker.usage} />}
        <Versions versions={worker.versions} fingerprint={worker.fingerprint} />
      </div>
    </li>
  );
}
