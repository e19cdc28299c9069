// Shows an operation's progress as it comes.
import { OperationStream } from "./stream.js";

const log = document.getElementById("log");
const list = log.querySelector("ol");
const bar = document.getElementById("bar");
const message = document.getElementById("message");
const elapsed = document.getElementById("elapsed");
const started = Number(elapsed.dataset.started);

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
  time.textContent = new Date().toISOString().slice(0, 19).replace("T", " ");
  item.append(time, ` ${told.message}`);
  return item;
}

function show(batch) {
  // Follow the tail only where the reader is at it.
  const follow = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
  for (const told of batch) {
    if (document.getElementById(`e${told.number}`)) continue;
    list.append(line(told));
    message.textContent = told.message;
    if (told.progress !== undefined) bar.value = Math.max(told.progress, bar.hasAttribute("value") ? bar.value : 0);
    if (told.type === "complete") bar.value = 100;
  }
  if (follow) list.scrollTop = list.scrollHeight;
  // The buttons and what is wrong are the server's to say.
  if (batch.some((told) => told.type !== "info")) setTimeout(() => location.reload(), 300);
}

if (log.dataset.final !== "true") {
  new OperationStream(log.dataset.operation, list.lastElementChild?.value ?? 0, show);
  setInterval(() => {
    if (started) elapsed.textContent = ` · ${Math.round(Date.now() / 1000 - started)} s ago`;
  }, 1000);
}
