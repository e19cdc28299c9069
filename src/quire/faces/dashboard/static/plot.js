// A live plot by uPlot (vendored), which the page loads before this module.
const COLOURS = ["--blue", "--red", "--green", "--amber"];
const HEIGHT = 320;

export class Plot {
  constructor(place) {
    this.place = place;
    this.names = "";
    this.chart = null;
    new ResizeObserver(() => this.chart?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  }

  // `lines` are objects with name and values, all as long as `x`.
  draw(axis, x, lines) {
    const names = JSON.stringify([axis, ...lines.map((line) => line.name)]);
    const data = sorted([x, ...lines.map((line) => line.values)]);
    if (this.chart && names === this.names) { this.chart.setData(data); return; }
    this.names = names;
    this.chart?.destroy();
    this.chart = new uPlot(this.options(axis, lines), data, this.place);
  }

  options(axis, lines) {
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(name).trim();
    const side = { stroke: ink("--faint"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line"), width: 1 } };
    return {
      width: this.place.clientWidth,
      height: HEIGHT,
      scales: { x: { time: axis === "time" } },
      axes: [{ ...side, label: axis, labelSize: 22 }, { ...side, size: 70 }],
      series: [
        { label: axis },
        ...lines.map((line, at) => ({
          label: line.name, stroke: ink(COLOURS[at]), width: 1.6, spanGaps: true, points: { size: 5 },
        })),
      ],
    };
  }
}

// uPlot wants x in order and without gaps; a motor may go back and forth.
function sorted(columns) {
  const [x] = columns;
  const places = x.map((_, at) => at).filter((at) => x[at] !== null).sort((a, b) => x[a] - x[b]);
  return columns.map((values) => places.map((at) => values[at]));
}
