// Keeps what stands in #live fresh: the page is asked for again, and that part of it
// taken over, when a topic rings or, where none tells of it, every few seconds.
import { connected, refreshing } from "./connection.js";
import { Operations } from "./stream.js";

const EVERY = 5000; // milliseconds
const live = document.getElementById("live");
const mark = (one) => one.getAttribute("href") ?? one.form?.getAttribute("action");

// What somebody has selected, to copy it, stays until they are through.
const selecting = () => !getSelection().isCollapsed && live.contains(getSelection().anchorNode);

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (fresh.innerHTML === live.innerHTML || selecting()) return;
  const held = live.contains(document.activeElement) ? mark(document.activeElement) : null;
  live.replaceChildren(...document.adoptNode(fresh).childNodes);
  if (held) [...live.querySelectorAll("a, button")].find((one) => mark(one) === held)?.focus({ preventScroll: true });
}

const topic = live.dataset.topic;
if (topic) {
  new Operations({ topics: [topic] }, refreshing(refresh, 300));
} else {
  const soon = refreshing(refresh, 0);
  connected();
  setInterval(() => { if (!document.hidden) soon(); }, EVERY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
}
