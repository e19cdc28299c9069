// Lines over an axis, on a canvas; as many as four, the first numeric data keys.
const COLOURS = ["--blue", "--red", "--green", "--amber"];
const MARGIN = { left: 70, right: 15, top: 15, bottom: 35 };

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === high) { low -= 0.5; high += 0.5; }
  return [low, high];
}

function ticks([low, high], count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return found;
}

export function draw(canvas, axis, x, lines) {
  const style = getComputedStyle(document.documentElement);
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, width, height);
  const points = lines.map((line) => line.values.map((y, i) => [x[i], y])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b)));
  const all = points.flat();
  if (!all.length) return;
  const [xs, ys] = [extent(all.map((p) => p[0])), extent(all.map((p) => p[1]))];
  const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
  const toX = (v) => MARGIN.left + ((v - xs[0]) / (xs[1] - xs[0])) * (right - MARGIN.left);
  const toY = (v) => bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (bottom - MARGIN.top);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = style.getPropertyValue("--faint");
  pen.strokeStyle = style.getPropertyValue("--line");
  pen.textAlign = "center";
  for (const at of ticks(xs, 8)) {
    pen.beginPath(); pen.moveTo(toX(at), MARGIN.top); pen.lineTo(toX(at), bottom); pen.stroke();
    pen.fillText(String(+at.toPrecision(6)), toX(at), bottom + 15);
  }
  pen.fillText(axis, (MARGIN.left + right) / 2, height - 5);
  pen.textAlign = "right";
  for (const at of ticks(ys, 5)) {
    pen.beginPath(); pen.moveTo(MARGIN.left, toY(at)); pen.lineTo(right, toY(at)); pen.stroke();
    pen.fillText(String(+at.toPrecision(6)), MARGIN.left - 8, toY(at) + 4);
  }
  points.forEach((line, i) => {
    pen.strokeStyle = pen.fillStyle = style.getPropertyValue(COLOURS[i]);
    pen.lineWidth = 1.6;
    pen.beginPath();
    line.forEach(([a, b], k) => (k ? pen.lineTo(toX(a), toY(b)) : pen.moveTo(toX(a), toY(b))));
    pen.stroke();
    for (const [a, b] of line.slice(-500)) {
      pen.beginPath(); pen.arc(toX(a), toY(b), 2.2, 0, 7); pen.fill();
    }
    pen.textAlign = "right";
    pen.fillText(lines[i].name, right - 8, MARGIN.top + 14 + 15 * i);
  });
}
