// Shows an operation's progress as it comes.
import { fetchJson } from "./connection.js";
import { Operations } from "./stream.js";
import { moment } from "./times.js";

const log = document.getElementById("log");
const list = log.querySelector("ol");
const bar = document.getElementById("bar");
const message = document.getElementById("message");
const elapsed = document.getElementById("elapsed");
const left = document.getElementById("left");
const started = Number(elapsed.dataset.started);
// By the server's clock: this machine's may be wrong.
const begun = Number(elapsed.dataset.now) - performance.now() / 1000;
const now = () => begun + performance.now() / 1000;
const id = log.dataset.operation;
const resource = `/api/v1/operations/${encodeURIComponent(id)}`;
const MOST_LINES = 2000;
let asked = 0;

document.getElementById("abort")?.addEventListener("submit", (event) => {
  if (!confirm("Abort this job?")) { event.preventDefault(); return; }
  event.target.querySelector("button").textContent = "Aborting…";
});

function line(told) {
  const item = document.createElement("li");
  item.id = `e${told.number}`;
  item.value = told.number;
  item.className = told.type;
  const time = document.createElement("time");
  time.textContent = moment(now());
  item.append(time, ` ${told.message}`);
  return item;
}

// Rounded as a person would say it; nothing where the server does not know.
function timeLeft(ends) {
  const seconds = ends === null ? 0 : ends - now();
  if (seconds <= 0) return "";
  if (seconds < 10) return " · a few seconds left";
  if (seconds < 90) return ` · about ${Math.round(seconds / 10) * 10} s left`;
  if (seconds < 5400) return ` · about ${Math.round(seconds / 60)} min left`;
  return ` · about ${Math.round(seconds / 3600)} h left`;
}

async function expect() {
  if (Date.now() - asked < 2000) return;
  asked = Date.now();
  const operation = await fetchJson(resource).catch(() => null);
  if (operation) left.textContent = timeLeft(operation.ends);
}

// Whether the reader is at the tail: only then it is followed.
const atTail = () => list.scrollHeight - list.scrollTop - list.clientHeight < 8;
const latest = document.getElementById("latest");
latest.addEventListener("click", () => { list.scrollTop = list.scrollHeight; });
list.addEventListener("scroll", () => { latest.hidden = atTail(); });

const copy = document.getElementById("copy");
copy.hidden = false;
copy.addEventListener("click", async () => {
  const operation = await fetchJson(resource).catch((error) => `${error}`);
  const lines = [...list.children].slice(-200).map((item) => `${item.value} ${item.className} ${item.textContent}`);
  await navigator.clipboard.writeText(`${location.href}\n${JSON.stringify(operation)}\n${lines.join("\n")}\n`);
  copy.textContent = "Copied";
});

function show(batch) {
  const follow = atTail();
  for (const told of batch) {
    if (told.number === undefined || document.getElementById(`e${told.number}`)) continue;
    list.append(line(told));
    message.textContent = told.message;
    if (told.progress !== undefined) bar.value = Math.max(told.progress, bar.hasAttribute("value") ? bar.value : 0);
    if (told.type === "complete") bar.value = 100;
  }
  while (list.children.length > MOST_LINES) list.firstElementChild.remove();
  if (follow) list.scrollTop = list.scrollHeight;
  latest.hidden = atTail();
  // The buttons and what is wrong are the server's to say.
  if (batch.some((told) => told.type !== "info")) setTimeout(() => location.reload(), 300);
  else expect();
}

if (log.dataset.final !== "true") {
  const over = async () => {
    const operation = await fetchJson(resource);
    if (operation.final) location.reload();
    return operation.final;
  };
  new Operations({ ids: [id], last: log.dataset.last, over }, show);
  setInterval(() => {
    if (started) elapsed.textContent = ` · ${Math.max(0, Math.round(now() - started))} s ago`;
  }, 1000);
}
