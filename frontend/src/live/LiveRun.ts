/**
 * What a run tells the page while it is looked at: its curves, how fresh they are, and what must be fetched again.
 *
 * The order that loses nothing: first the stream position of now, then the stream from there and, in any order, the figures. Numbers
 * that both bring are held once (curves.ts). A `reset` begins anew.
 */
import type { QueryClient } from "@tanstack/react-query";
import { fetchCursor } from "../api/queries";
import type { StreamChanged, StreamProgress } from "../api/types";
import { batchesOf, NO_CURVES, upsert, type Batch, type Curves } from "./curves";
import { shareStream } from "./shared";
import type { Connection, RunEvent } from "./stream";

export interface LiveView {
  readonly curves: Curves;
  readonly connection: Connection;
  /** Whether the stream's start is known: figures may be fetched. */
  readonly ready: boolean;
  /** When the newest point came here, by this machine's clock, and how much later than the quickest point it did, in milliseconds. */
  readonly lastPoint: { readonly arrived: number; readonly lag: number } | null;
  /** How far each running segment is, by its key. */
  readonly progress: ReadonlyMap<string, StreamProgress>;
}

const FLUSH_MS = 250;
const REFETCH_MS = 700;
const RETRY_MS = 1_000;

/** What is read again for each word of a `changed` event: what follows in the query keys ["run", id, …]. */
const STALE: Record<StreamChanged["what"][number], readonly string[]> = {
  run: ["run", "result"],
  segments: ["segments", "figures/timeline"],
  edits: ["run", "figures"],
  checkpoints: ["checkpoints", "probes", "result", "exports"],
  workers: [],
  log: ["log"],
  series: ["figures", "agreement", "result"],
};

export class LiveRun {
  private view: LiveView = { curves: NO_CURVES, connection: "connecting", ready: false, lastPoint: null, progress: new Map() };
  private readonly listeners = new Set<() => void>();
  private arrived: Batch[] = [];
  private progress = new Map<string, StreamProgress>();
  private lastPoint: LiveView["lastPoint"] = null;
  /** The shortest way of any point: what the two clocks differ by, and the road itself. */
  private quickest = Infinity;
  private stale = new Set<string>();
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private staleTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private closeStream: (() => void) | null = null;
  private running: AbortController | null = null;
  private readonly runId: string;
  private readonly client: QueryClient;

  constructor(runId: string, client: QueryClient) {
    this.runId = runId;
    this.client = client;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): LiveView => this.view;

  start(): void {
    this.running = new AbortController();
    void this.open(this.running.signal);
  }

  stop(): void {
    this.running?.abort();
    this.closeStream?.();
    this.closeStream = null;
    for (const timer of [this.flushTimer, this.staleTimer, this.retryTimer]) clearTimeout(timer);
    this.flushTimer = this.staleTimer = undefined;
  }

  /** Takes in what a fetched figure holds. */
  load(batches: readonly Batch[]): void {
    this.publish({ curves: upsert(this.view.curves, batches) });
  }

  private async open(signal: AbortSignal): Promise<void> {
    try {
      const cursor = await fetchCursor(this.runId, signal);
      if (signal.aborted) return;
      this.closeStream = shareStream(this.runId, cursor, {
        onEvent: (event) => this.hear(event),
        onConnection: (connection) => this.connect(connection),
      });
      this.publish({ ready: true });
    } catch {
      if (signal.aborted) return;
      this.publish({ connection: "reconnecting" });
      this.retryTimer = setTimeout(() => void this.open(signal), RETRY_MS);
    }
  }

  private hear(event: RunEvent): void {
    if (event.type === "points") {
      const arrived = Date.now();
      const took = arrived - Date.parse(event.data.time);
      this.quickest = Math.min(this.quickest, took);
      this.lastPoint = { arrived, lag: took - this.quickest };
      this.arrived.push(...batchesOf(event.data));
      this.flushSoon();
    } else if (event.type === "progress") {
      this.progress.set(event.data.segment, event.data);
      this.flushSoon();
    } else if (event.type === "changed") {
      for (const what of event.data.what) {
        for (const part of STALE[what]) this.stale.add(part);
        if (what === "workers") void this.client.invalidateQueries({ queryKey: ["workers"] });
      }
      this.refetchSoon();
    } else if (event.type === "reset") {
      void this.beginAnew();
    }
  }

  /** A connection that came back may have missed what is not in the stream: everything is looked at again. */
  private connect(connection: Connection): void {
    const cameBack = connection === "open" && this.view.connection === "reconnecting";
    this.publish({ connection });
    if (cameBack) void this.client.invalidateQueries({ queryKey: ["run", this.runId] });
  }

  private async beginAnew(): Promise<void> {
    this.stop();
    this.arrived = [];
    await this.client.cancelQueries({ queryKey: ["run", this.runId] });
    this.publish({ curves: NO_CURVES, connection: "reconnecting", ready: false });
    this.start();
    await this.client.resetQueries({ queryKey: ["run", this.runId, "figures"] });
    await this.client.invalidateQueries({ queryKey: ["run", this.runId] });
  }

  private flushSoon(): void {
    this.flushTimer ??= setTimeout(() => {
      this.flushTimer = undefined;
      const batches = this.arrived;
      this.arrived = [];
      this.publish({ curves: upsert(this.view.curves, batches), lastPoint: this.lastPoint, progress: new Map(this.progress) });
    }, FLUSH_MS);
  }

  private refetchSoon(): void {
    this.staleTimer ??= setTimeout(() => void this.refetch(), REFETCH_MS);
  }

  /** One round after the other: to ask again before the answers are here would cancel them, on a busy machine for ever. */
  private async refetch(): Promise<void> {
    const parts = [...this.stale];
    const { running } = this;
    this.stale.clear();
    await Promise.all(parts.map((part) => this.client.invalidateQueries({ queryKey: ["run", this.runId, ...part.split("/")] })));
    if (running !== this.running || running?.signal.aborted) return;
    this.staleTimer = undefined;
    if (this.stale.size > 0) this.refetchSoon();
  }

  private publish(change: Partial<LiveView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.listeners) listener();
  }
}
