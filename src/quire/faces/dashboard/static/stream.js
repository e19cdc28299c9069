// All that a page needs to know of a progress stream.
import { connected, fetchJson } from "./connection.js";

const TYPES = ["info", "error", "complete", "failed"];
const FINAL = new Set(["complete", "failed"]);

export class OperationStream {
  constructor(id, last, show) {
    this.id = id;
    this.last = last;
    this.show = show;
    this.failures = 0;
    this.waiting = [];
    this.open();
    document.addEventListener("visibilitychange", () => this.seen());
  }

  open() {
    // A new EventSource sends no Last-Event-ID of an earlier one.
    const path = `/api/v1/operations/${encodeURIComponent(this.id)}/events?last_event_id=${this.last}`;
    this.source = new EventSource(path);
    this.source.onopen = () => { this.failures = 0; connected(); };
    for (const type of TYPES) this.source.addEventListener(type, (event) => this.take(type, event));
  }

  take(type, event) {
    // EventSource's own `error` has no data; the server's has.
    if (event.data === undefined) { this.lost(); return; }
    const number = Number(event.lastEventId);
    if (number <= this.last) return;
    this.last = number;
    this.waiting.push({ type, number, ...JSON.parse(event.data) });
    if (this.waiting.length === 1) requestAnimationFrame(() => this.show(this.waiting.splice(0)));
    if (FINAL.has(type)) this.close("ended");
  }

  lost() {
    if (this.source.readyState === EventSource.CLOSED && this.ended) return;
    this.failures += 1;
    connected("reconnecting");
    if (this.failures >= 3) { this.close(); this.poll(); }
  }

  async poll() {
    try {
      await fetchJson(`/api/v1/operations/${encodeURIComponent(this.id)}`);
      this.failures = 0;
      this.open();
    } catch {
      connected(`stale since ${new Date().toLocaleTimeString()}`);
      setTimeout(() => this.poll(), 3000);
    }
  }

  seen() {
    clearTimeout(this.hiding);
    if (this.ended) return;
    if (document.hidden) this.hiding = setTimeout(() => this.close(), 60000);
    else if (this.source.readyState === EventSource.CLOSED) this.open();
  }

  close(why) {
    this.source.close();
    if (why) { this.ended = true; connected("live"); }
  }
}
