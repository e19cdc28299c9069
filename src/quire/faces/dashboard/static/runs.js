// Keeps the list of runs fresh.
import { fetchJson, refreshing } from "./connection.js";
import { leadOn, renew } from "./lists.js";
import { Operations } from "./stream.js";
import { moment } from "./times.js";

const body = document.querySelector("#runs tbody");

function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

function row(run) {
  const line = document.createElement("tr");
  line.dataset.uid = run.uid;
  const cell = (text, kind = "") => {
    const made = line.insertCell();
    made.textContent = text;
    made.className = kind;
    return made;
  };
  cell(run.scan_id ?? "–", "number");
  cell(run.plan_name ?? "–");
  cell(moment(run.time), "when");
  cell(duration(run.duration), "when");
  const chip = document.createElement("span");
  chip.className = `chip ${run.status}`;
  chip.textContent = run.status;
  line.insertCell().append(chip);
  cell(run.events, "number");
  const link = document.createElement("a");
  link.href = `/runs/${encodeURIComponent(run.uid)}`;
  const code = document.createElement("code");
  code.textContent = run.uid.slice(0, 8);
  link.append(code);
  line.insertCell().append(link);
  return line;
}

let shown = "";

async function refresh() {
  const page = await fetchJson("/api/v1/runs?limit=50");
  const text = JSON.stringify(page.runs);
  if (text === shown) return;
  shown = text;
  document.getElementById("none")?.remove();
  renew(body, page.runs.map(row));
  leadOn(page.next);
}

new Operations({ topics: ["runs"] }, refreshing(refresh, 300));
