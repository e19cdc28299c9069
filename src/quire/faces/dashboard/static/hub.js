// One connection over the operations of all tabs: browsers have few of them for a
// server. A shared worker; pages speak to it as stream.js has it.
const NAMES = ["info", "error", "complete", "failed", "reset", "gone", "changed"];
const FINAL = new Set(["complete", "failed", "gone"]);
const RECENT = 500; // entries of an operation that a tab which joins is told
const RETRY = 3000;

const tabs = new Map(); // port -> what it wants: ids, topics, replay
const recent = new Map(); // operation -> its newest entries
let source = null, last = "", failures = 0, followed = "", timer = null;

const tell = (ports, message) => { for (const port of ports) port.postMessage(message); };
const wanted = (field) => [...new Set([...tabs.values()].flatMap((tab) => tab[field]))].sort();

function open() {
  clearTimeout(timer);
  source?.close();
  const query = new URLSearchParams();
  for (const id of wanted("ids")) query.append("id", id);
  for (const topic of wanted("topics")) query.append("topic", topic);
  followed = `${query}`;
  if (!followed) { source = null; return; }
  if (![...tabs.values()].some((tab) => tab.replay)) query.set("replay", "false");
  if (last) query.set("last_event_id", last);
  source = new EventSource(`/api/v1/streams/operations?${query}`);
  source.onopen = () => { failures = 0; tell(tabs.keys(), { live: true }); };
  for (const name of NAMES) source.addEventListener(name, (event) => hear(name, event));
}

function hear(name, event) {
  if (event.data === undefined) { lose(); return; }
  if (event.lastEventId) last = event.lastEventId;
  const data = JSON.parse(event.data);
  if (name === "reset") recent.delete(data.operation);
  if (data.number !== undefined) {
    const entries = recent.get(data.operation) ?? [];
    entries.push([name, data]);
    recent.set(data.operation, entries.slice(-RECENT));
  }
  for (const [port, tab] of tabs) {
    if (!tab.ids.includes(data.operation) && !tab.topics.includes(data.topic)) continue;
    port.postMessage({ name, data });
    // What is over is followed no more, or the connection would never end.
    if (FINAL.has(name)) tab.ids = tab.ids.filter((id) => id !== data.operation);
  }
  if (FINAL.has(name)) {
    recent.delete(data.operation);
    if (!wanted("ids").length && !wanted("topics").length) open();
  }
}

function lose() {
  failures += 1;
  const closed = source.readyState === EventSource.CLOSED;
  tell(tabs.keys(), { failures, closed });
  if (closed) timer = setTimeout(open, RETRY);
}

function follow(port, { ids, topics, replay, from }) {
  for (const id of ids) for (const [name, data] of recent.get(id) ?? []) port.postMessage({ name, data });
  tabs.set(port, { ids, topics, replay });
  // An id is made of parts, one an operation: what the tab knows is added.
  last = [from, last].filter(Boolean).join(".");
  const known = new URLSearchParams(followed);
  const fresh = ids.some((id) => !known.getAll("id").includes(id))
    || topics.some((topic) => !known.getAll("topic").includes(topic));
  if (fresh || !source || source.readyState === EventSource.CLOSED) open();
  else if (source.readyState === EventSource.OPEN) port.postMessage({ live: true });
}

function leave(port) {
  tabs.delete(port);
  if (!tabs.size) open(); // nobody is left: this closes the connection
}

self.addEventListener("connect", (event) => {
  const [port] = event.ports;
  port.addEventListener("message", ({ data }) => {
    if (data.follow) follow(port, data.follow);
    else leave(port);
  });
  port.start();
});
