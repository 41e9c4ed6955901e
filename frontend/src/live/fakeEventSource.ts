/** What tests have in place of the browser's EventSource. */

/** Every stream that was opened, in order. */
export const streams: FakeEventSource[] = [];

export class FakeEventSource extends EventTarget {
  readonly url: string;
  closed = false;
  constructor(url: string) {
    super();
    this.url = url;
    streams.push(this);
  }
  close(): void {
    this.closed = true;
  }
  /** An event of the run "r", or of another. */
  send(type: string, id: string, data: unknown, run = "r"): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId: `${run}@${id}` }));
  }
}
