// Keeps the list of jobs fresh, by one stream over those that are at work.
import { fetchJson, refreshing } from "./connection.js";
import { leadOn, renew } from "./lists.js";
import { Operations } from "./stream.js";
import { moment } from "./times.js";

const body = document.querySelector("#jobs tbody");
const FINAL = new Set(["COMPLETED", "ERROR", "ABORTED", "ARCHIVED"]);

function duration(job) {
  if (job.ended == null || job.started == null) return "–";
  const seconds = job.ended - job.started;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

// An acquisition is known by its own id.
function title(job) {
  const asked = job.kind === "merge" ? job.parameters.SPECIFICATION : undefined;
  const wanted = typeof asked === "string" ? JSON.parse(asked) : asked;
  return wanted?.id ? `${job.kind} ${wanted.id}` : job.kind;
}

function row(job) {
  const line = document.createElement("tr");
  line.dataset.job = job.id;
  const cell = (text, kind = "") => {
    const made = line.insertCell();
    made.textContent = text;
    made.className = kind;
    return made;
  };
  cell(title(job));
  const chip = document.createElement("span");
  chip.className = `chip ${job.phase.toLowerCase()}`;
  chip.textContent = job.phase;
  line.insertCell().append(chip);
  cell(moment(job.created), "when");
  cell(duration(job), "when");
  cell(job.attempt, "number");
  cell(job.owner ?? "");
  const link = document.createElement("a");
  link.href = `/operations/${encodeURIComponent(job.id)}`;
  const code = document.createElement("code");
  code.textContent = job.id.slice(0, 8);
  link.append(code);
  line.insertCell().append(link);
  cell(body.querySelector(`tr[data-job="${CSS.escape(job.id)}"] .told`)?.textContent ?? "", "told");
  return line;
}

const working = () => [...body.rows]
  .filter((line) => !FINAL.has(line.querySelector(".chip").textContent))
  .map((line) => line.dataset.job);

async function refresh() {
  const page = await fetchJson("/api/v1/jobs?limit=50");
  document.getElementById("none")?.remove();
  renew(body, page.jobs.map(row));
  leadOn(page.next);
  operations.follow(working());
}

function show(batch) {
  for (const told of batch) {
    if (told.message === undefined) continue;
    const cell = body.querySelector(`tr[data-job="${CSS.escape(told.operation)}"] .told`);
    const percent = told.progress === undefined ? "" : `${told.progress} % `;
    if (cell) cell.textContent = percent + told.message;
  }
  if (batch.some((told) => told.type !== "info")) changed();
}

const changed = refreshing(refresh, 300);
const operations = new Operations({ ids: working(), topics: ["jobs"], replay: false }, show);
