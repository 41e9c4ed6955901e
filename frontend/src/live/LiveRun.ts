/**
 * What a run tells the page while it is looked at: its curves, how fresh they are, and what must be fetched again.
 *
 * The order that loses nothing: first the stream position of now, then the stream from there and, in any order, the figures. Numbers
 * that both bring are held once (curves.ts). A `reset` begins anew. A tab that nobody sees lets go of its stream, for a browser has few
 * connections, and goes on from where it was when it is looked at again.
 */
import type { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";
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
  /** Whether the points that come are late, and why: they were missed while the stream was cut, or their way is slow. */
  readonly late: "replaying" | "behind" | null;
  /** How far each running segment is, by its key. */
  readonly progress: ReadonlyMap<string, StreamProgress>;
}

/** At most four times a second the page is told what has come; the first of a burst at once. */
const FLUSH_MS = 250;
/** So long a tab is hidden before it rests: to look at another for a moment costs nothing. */
const REST_AFTER_MS = 10_000;
/** A tab at rest asks only how the run stands, for its title and the notification of the end. */
const REST_POLL_MS = 10_000;
/** A point this much later than the quickest was not sent just now. */
const LATE_MS = 2_000;
const CAUGHT_UP_MS = 1_500;
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
  agreement: ["agreement", "figures/agreement", "figures/absorbed"],
  rollouts: ["rollouts", "probes", "probe-history"],
};

export class LiveRun {
  private view: LiveView = { curves: NO_CURVES, connection: "connecting", ready: false, lastPoint: null, late: null, progress: new Map() };
  private readonly listeners = new Set<() => void>();
  private arrived: Batch[] = [];
  private progress = new Map<string, StreamProgress>();
  private lastPoint: LiveView["lastPoint"] = null;
  /** The shortest way of any point: what the two clocks differ by, and the road itself. */
  private quickest = Infinity;
  private stale = new Set<string>();
  private flushedAt = 0;
  /** The position of the last event heard. */
  private cursor = "";
  /** Whether the stream was cut or let go, until it is open again. */
  private isCut = false;
  /** Whether the stream came back, until all that was missed has come. */
  private isReplaying = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  private pollTimer: ReturnType<typeof setInterval> | undefined;
  private lateTimer: ReturnType<typeof setTimeout> | undefined;
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
    document.addEventListener("visibilitychange", this.onVisibility, { signal: this.running.signal });
    if (document.hidden) this.rest(); // opened in the background, perhaps with many others: it has nothing to show yet
    void this.open(this.running.signal);
    this.onVisibility();
  }

  stop(): void {
    this.running?.abort();
    this.closeStream?.();
    this.closeStream = null;
    clearInterval(this.pollTimer);
    for (const timer of [this.flushTimer, this.staleTimer, this.retryTimer, this.lateTimer, this.restTimer]) clearTimeout(timer);
    this.flushTimer = this.staleTimer = this.restTimer = this.pollTimer = undefined;
    // What is held goes out of date from now on, and nobody is told: whoever comes back asks anew.
    void this.client.invalidateQueries({ queryKey: ["run", this.runId], refetchType: "none" });
  }

  /** Takes in what a fetched figure holds. */
  load(batches: readonly Batch[]): void {
    this.publish({ curves: upsert(this.view.curves, batches) });
  }

  private async open(signal: AbortSignal): Promise<void> {
    try {
      const cursor = await fetchCursor(this.runId, signal);
      if (signal.aborted) return;
      this.cursor = cursor;
      if (this.pollTimer === undefined) this.follow();
      this.publish({ ready: true });
      // What was asked for beside the position may be of before it, and its change too: once more, when the answers are here.
      for (const part of ["run", "segments"]) this.stale.add(part);
      this.refetchSoon();
    } catch (error) {
      if (signal.aborted || (error instanceof ApiError && error.status === 404)) return; // no such run: the page says so
      this.isCut = true;
      this.publish({ connection: "reconnecting" });
      this.retryTimer = setTimeout(() => void this.open(signal), RETRY_MS);
    }
  }

  private follow(): void {
    this.closeStream = shareStream(this.runId, this.cursor, {
      onEvent: (event) => this.hear(event),
      onConnection: (connection) => this.connect(connection),
    });
  }

  private hear(event: RunEvent): void {
    this.cursor = event.id || this.cursor;
    if (event.type === "points") {
      const arrived = Date.now();
      const took = arrived - Date.parse(event.data.time);
      this.quickest = Math.min(this.quickest, took);
      this.lastPoint = { arrived, lag: took - this.quickest };
      this.judge(this.lastPoint.lag >= LATE_MS);
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
    const cameBack = connection === "open" && this.isCut;
    if (connection !== "connecting") this.isCut = connection === "reconnecting";
    this.isReplaying = cameBack;
    this.publish({ connection, late: null });
    if (cameBack) void this.client.invalidateQueries({ queryKey: ["run", this.runId] });
    // An EventSource does not say why it failed, and a session that has ended is not to look like a server that is away.
    else if (connection === "reconnecting") void this.client.invalidateQueries({ queryKey: ["run", this.runId, "run"] });
  }

  /** A point on time, or none for a while, says that all late ones have come: how old the newest is says no more about the way. */
  private judge(isLate: boolean): void {
    clearTimeout(this.lateTimer);
    this.isReplaying &&= isLate;
    const late = isLate ? (this.isReplaying ? "replaying" : "behind") : null;
    if (late !== this.view.late) this.publish({ late, lastPoint: this.lastPoint });
    if (isLate) this.lateTimer = setTimeout(() => this.judge(false), CAUGHT_UP_MS);
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
    if (document.hidden) return; // nobody sees it; onVisibility draws
    this.flushTimer ??= setTimeout(this.flush, Math.max(0, FLUSH_MS - (performance.now() - this.flushedAt)));
  }

  private readonly flush = (): void => {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    this.flushedAt = performance.now();
    const batches = this.arrived;
    this.arrived = [];
    this.publish({ curves: upsert(this.view.curves, batches), lastPoint: this.lastPoint, progress: new Map(this.progress) });
  };

  /** A hidden tab soon rests; one that is looked at again catches up at once. */
  private readonly onVisibility = (): void => {
    if (document.hidden) {
      if (this.pollTimer === undefined) this.restTimer ??= setTimeout(() => this.rest(), REST_AFTER_MS);
      return;
    }
    clearTimeout(this.restTimer);
    clearInterval(this.pollTimer);
    const rested = this.pollTimer !== undefined;
    this.restTimer = this.pollTimer = undefined;
    this.flush();
    if (this.stale.size > 0) this.refetchSoon();
    if (rested && this.view.ready) this.follow();
  };

  private rest(): void {
    this.restTimer = undefined;
    this.closeStream?.();
    this.closeStream = null;
    this.isCut = true;
    this.pollTimer = setInterval(() => void this.client.invalidateQueries({ queryKey: ["run", this.runId, "run"] }), REST_POLL_MS);
  }

  private refetchSoon(): void {
    if (document.hidden) return; // nobody reads it; onVisibility asks
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
