// All that a page needs to know of a stream: it resumes, rests while nobody looks, and
// tells EventSource's own `error` from the server's.
import { connected, lost } from "./connection.js";

const HIDDEN = 5000; // milliseconds: browsers have few connections for all their tabs
const RETRY = 3000;

export class Stream {
  // `address` gives the URL from the last id, `take` gets an event's name and data,
  // `over` says whether nothing is left to hear, once the server has closed for good.
  constructor(address, names, take, { last = "", over = async () => false } = {}) {
    Object.assign(this, { address, names, take, last, over, ended: false });
    this.failures = 0;
    document.addEventListener("visibilitychange", () => this.seen());
    this.seen();
  }

  open() {
    this.source = new EventSource(this.address(this.last));
    this.source.onopen = () => { this.failures = 0; connected(); };
    for (const name of new Set([...this.names, "error"])) {
      this.source.addEventListener(name, (event) => this.hear(name, event));
    }
  }

  hear(name, event) {
    if (event.data === undefined) { this.lose(); return; } // the connection's own error
    if (event.lastEventId) this.last = event.lastEventId;
    this.take(name, JSON.parse(event.data));
  }

  lose() {
    if (this.ended) return;
    this.failures += 1;
    lost(this.failures);
    // Any answer but 200 ends an EventSource for good; 204 says that all was heard.
    if (this.source.readyState === EventSource.CLOSED) setTimeout(() => this.again(), RETRY);
  }

  async again() {
    if (this.ended || document.hidden) return;
    const over = await this.over().catch(() => false);
    if (over) this.close();
    else this.open();
  }

  seen() {
    clearTimeout(this.hiding);
    if (this.ended) return;
    if (document.hidden) this.hiding = setTimeout(() => this.source?.close(), HIDDEN);
    else if (!this.source || this.source.readyState === EventSource.CLOSED) this.open();
  }

  close() {
    this.ended = true;
    this.source?.close();
    connected();
  }
}


// What all tabs share; without shared workers a tab has a connection of its own.
class Hub {
  constructor(wanted, take, over) {
    Object.assign(this, { wanted, take, over });
    this.port = new SharedWorker("/static/hub.js").port;
    this.port.addEventListener("message", ({ data }) => this.hear(data));
    this.port.start();
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => { if (event.persisted) this.seen(); });
    document.addEventListener("visibilitychange", () => this.seen());
    this.seen();
  }

  hear({ name, data, live, failures, closed }) {
    if (name) this.take(name, data);
    else if (live) connected();
    else this.lose(failures, closed);
  }

  async lose(failures, closed) {
    lost(failures);
    if (closed && await this.over().catch(() => false)) { this.leave(); connected(); }
  }

  seen() {
    clearTimeout(this.hiding);
    if (document.hidden) this.hiding = setTimeout(() => this.leave(), HIDDEN);
    else this.again();
  }

  again() { this.port.postMessage({ follow: this.wanted() }); }

  leave() { this.port.postMessage({ leave: true }); }
}

class Alone {
  constructor(wanted, take, over) {
    const { from } = wanted();
    this.stream = new Stream((last) => this.address(wanted(), last), NAMES, take, { last: from, over });
  }

  address({ ids, topics, replay }, last) {
    const query = new URLSearchParams();
    for (const id of ids) query.append("id", id);
    for (const topic of topics) query.append("topic", topic);
    if (!replay) query.set("replay", "false");
    if (last) query.set("last_event_id", last);
    return `/api/v1/streams/operations?${query}`;
  }

  again() {
    this.stream.source?.close();
    this.stream.seen();
  }
}

const NAMES = ["info", "error", "complete", "failed", "reset", "gone", "changed"];
const PROGRESS = new Set(["info", "error", "complete", "failed"]);

// The page's stream over operations. `show` gets, once a frame, what came: objects with
// type, operation, number, message and perhaps progress; or type and topic.
export class Operations {
  constructor({ ids = [], topics = [], last = "", replay = true, over = async () => false }, show) {
    Object.assign(this, { ids, show, numbers: new Map(), waiting: [] });
    const wanted = () => ({ ids: this.ids, topics, replay, from: last });
    const Way = typeof SharedWorker === "undefined" ? Alone : Hub;
    this.way = new Way(wanted, (name, data) => this.take(name, data), over);
  }

  take(type, data) {
    if (type === "reset") { this.numbers.delete(data.operation); return; }
    if (PROGRESS.has(type)) {
      if (data.number <= (this.numbers.get(data.operation) ?? 0)) return;
      this.numbers.set(data.operation, data.number);
    }
    this.waiting.push({ type, ...data });
    if (this.waiting.length === 1) requestAnimationFrame(() => this.show(this.waiting.splice(0)));
  }

  // Follow others from now on; those that stay go on where they are.
  follow(ids) {
    if (ids.length === this.ids.length && ids.every((id) => this.ids.includes(id))) return;
    this.ids = ids;
    this.way.again();
  }
}
