// Draws a run's primary stream, and keeps the page fresh while the run is open.
import { fetchJson, whileSeen } from "./connection.js";
import { draw } from "./plot.js";

const figure = document.getElementById("plot");
const canvas = figure.querySelector("canvas");
const caption = figure.querySelector("figcaption");
const { uid, axis } = figure.dataset;
const here = `/api/v1/runs/${encodeURIComponent(uid)}`;
const seen = { seq_num: [], data: {} };

function redraw() {
  const numeric = Object.entries(seen.data)
    .filter(([, values]) => values.some((value) => typeof value === "number"));
  const along = axis && seen.data[axis] ? axis : "seq_num";
  const x = along === "seq_num" ? seen.seq_num : seen.data[along];
  const lines = numeric
    .filter(([name]) => name !== axis && !name.endsWith("_setpoint"))
    .slice(0, 4).map(([name, values]) => ({ name, values }));
  draw(canvas, along, x, lines);
  caption.textContent = `${seen.seq_num.length} events of the primary stream`;
  figure.dataset.points = seen.seq_num.length;
}

async function more() {
  const last = seen.seq_num.at(-1) ?? 0;
  const answer = await fetchJson(`${here}/streams/primary?format=json&after=${last}`);
  const known = seen.seq_num.length;
  seen.seq_num.push(...answer.seq_num);
  for (const [name, values] of Object.entries(answer.data)) {
    seen.data[name] ??= Array(known).fill(null);
    seen.data[name].push(...values);
  }
  if (answer.rows) redraw();
}

whileSeen(500, async () => {
  const run = await fetchJson(here);
  if (run.streams.primary) await more();
  document.getElementById("events").textContent = run.events;
  const chip = document.getElementById("status");
  if (chip.textContent !== run.status) {
    chip.textContent = run.status;
    chip.className = `chip ${run.status}`;
  }
  if (run.stop === null) return true;
  if (figure.dataset.open === "true") location.reload();
  return false;
});
addEventListener("resize", redraw);
