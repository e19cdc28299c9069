// Draws one of a run's streams, and keeps the page fresh while the run is open.
import { connected, fetchJson, refreshing } from "./connection.js";
import { Plot } from "./plot.js";
import { Operations, Stream } from "./stream.js";

const figure = document.getElementById("plot");
const caption = figure.querySelector("figcaption");
const { uid, axis, stream } = figure.dataset;
const axes = JSON.parse(figure.dataset.axes);
const here = `/api/v1/runs/${encodeURIComponent(uid)}`;
const plot = new Plot(figure.querySelector(".plot"));
const open = figure.dataset.open === "true";
let columns = {};
let frame = 0, events = 0;

function draw() {
  frame = 0;
  const along = axis && columns[axis] ? axis : "seq_num";
  const lines = Object.keys(columns)
    .filter((name) => !["seq_num", "time", ...axes].includes(name) && !name.endsWith("_setpoint"))
    .slice(0, 4).map((name) => ({ name, values: columns[name] }));
  if (lines.length) plot.draw(along, columns[along], lines);
  caption.textContent = `${events} events of the stream ${stream}`;
  figure.dataset.points = events;
}

function add(fresh) {
  const before = columns.seq_num?.length ?? 0;
  for (const [name, values] of Object.entries(fresh)) {
    columns[name] ??= Array(before).fill(null);
    for (const value of values) columns[name].push(value);
  }
  for (const values of Object.values(columns)) {
    while (values.length < columns.seq_num.length) values.push(null);
  }
}

async function refresh() {
  const run = await fetchJson(here);
  document.getElementById("events").textContent = run.events;
  for (const [name, rows] of Object.entries(run.streams)) {
    const cell = document.querySelector(`[data-rows="${CSS.escape(name)}"]`);
    if (cell) cell.textContent = rows;
  }
  const chip = document.getElementById("status");
  if (chip.textContent !== run.status) {
    chip.textContent = run.status;
    chip.className = `chip ${run.status}`;
  }
  const known = (name) => document.querySelector(`[data-rows="${CSS.escape(name)}"]`) !== null;
  if (run.stop === null && Object.keys(run.streams).every(known)) return;
  // What somebody is writing outweighs what is new; the page may be a form's answer, too.
  if (writing()) connected(`the run has ${run.stop === null ? "a new stream" : "stopped"}: reload to see all`);
  else location.replace(`/runs/${encodeURIComponent(uid)}`);
}

const writing = () => document.querySelector("#quality [aria-invalid]") !== null
  || [...document.querySelectorAll("#quality .field :is(input, textarea)")].some((one) => one.value !== one.defaultValue)
  || [...document.querySelectorAll("#quality .field option")].some((one) => one.selected && one.index && !one.defaultSelected);

const changed = refreshing(refresh, 250);
const soon = () => { if (open) changed(); };

const width = Math.max(16, Math.min(4096, Math.round(figure.clientWidth)));
const samples = new Stream(
  () => `${here}/samples?stream=${encodeURIComponent(stream)}&width=${width}`,
  ["picture", "samples", "end"],
  (name, data) => {
    if (name === "end") { samples.close(); soon(); return; }
    if (name === "picture") columns = data.columns;
    else add(data.columns);
    events = data.events;
    frame ||= requestAnimationFrame(draw);
    soon();
  },
);
if (open) new Operations({ ids: [uid], replay: false }, soon);
