// The graphs of the last 24 hours. All have the same time axis, and one hand that points at a time in all of them.

const perStep = (show) => (value, seconds) => (value === null ? UNKNOWN : show(value / seconds));
const plain = (show) => (value) => (value === null ? UNKNOWN : show(value));
const items = perStep((value) => rate(value, "items"));
const data = perStep((value) => `${bytes(value)}/s`);

/** Series that have a `line` are drawn, the others are told beside them. A `base` says in which powers the axis counts. */
const GRAPHS = [
  { title: "In", base: 10, perSecond: true, axis: (value) => (value === 0 ? "0" : `${count(value)}/s`), series: [
    { key: "received_items", name: "items", line: "first", filled: true, say: items },
    { key: "received_bytes", name: "data", say: data }] },
  { title: "Out", base: 10, perSecond: true, axis: (value) => (value === 0 ? "0" : `${count(value)}/s`), series: [
    { key: "delivered_items", name: "items", line: "first", filled: true, say: items },
    { key: "delivered_bytes", name: "data", say: data },
    { key: "delivered_objects", name: "objects", say: plain(count) }] },
  { title: "Queue", base: 10, axis: count, series: [
    { key: "queue_items", name: "items", line: "first", filled: true, say: plain(count) },
    { key: "queue_bytes", name: "data", say: plain(bytes) },
    { key: "oldest_age_seconds", name: "oldest", say: plain(span) }] },
  { title: "Disk", base: 2, axis: (value) => (value === 0 ? "0" : bytes(value)), series: [
    { key: "disk_used_bytes", name: "used", line: "first", filled: true, say: plain(bytes) },
    { key: "disk_budget_bytes", name: "budget", line: "second", say: plain(bytes) },
    { key: "disk_free_bytes", name: "free", say: plain(bytes) }] },
  { title: "Errors", base: 10, whole: true, axis: count, series: [
    { key: "failed_attempts", name: "failed attempts", line: "trouble", say: plain(count) },
    { key: "refused_requests", name: "refused requests", line: "second", say: plain(count) },
    { key: "dropped_items", name: "dropped items", line: "third", say: plain(count) }] },
  { title: "Commit latency", base: 10, axis: latency, series: [
    { key: "commit_p50_seconds", name: "median", line: "first", say: plain(latency) },
    { key: "commit_p99_seconds", name: "p99", line: "thin", say: plain(latency) }] },
];
const HEIGHT = 136;
const TOP = 8;
const FOOT = 20;

let history = null;
let pointed = null;

/** What a series has, with every value that is none as null. */
function values(graph, series) {
  const raw = history.series[series.key] ?? [];
  return raw.map((value) => (isNumber(value) ? (graph.perSecond ? value / history.step_seconds : value) : null));
}

/** The step between the lines of an axis: 1, 2 or 5 times a power of ten, or a power of two. */
function stepFor(most, { base, whole }) {
  const least = most / 3;
  if (base === 2) return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((times) => times * power).find((candidate) => candidate >= least * 0.999);
  return whole ? Math.max(1, step) : step;
}

/** A line with a hole for each value that is not known. */
function lineOf(points, x, y) {
  let path = "";
  points.forEach((value, index) => {
    if (value === null) return;
    const place = `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    path += (index > 0 && points[index - 1] !== null ? "L" : "M") + place;
  });
  return path;
}

/** Dots for values that have none beside them, of which a line shows nothing: each is a line of no length with round ends. */
function dotsOf(points, x, y) {
  const isAlone = (value, index) => value !== null && (points[index - 1] ?? null) === null && (points[index + 1] ?? null) === null;
  return points.map((value, index) => (isAlone(value, index) ? `M${x(index).toFixed(1)} ${y(value).toFixed(1)}h.01` : "")).join("");
}

function areaOf(points, x, y) {
  let path = "";
  let from = null;
  points.forEach((value, index) => {
    if (value === null) return;
    if (from === null) {
      from = index;
      path += `M${x(index).toFixed(1)} ${y(0)}`;
    }
    path += `L${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    if ((points[index + 1] ?? null) === null) {
      path += `V${y(0)}Z`;
      from = null;
    }
  });
  return path;
}

/** The stretches within what was measured in which nothing was. */
function holes(all) {
  const length = all[0].length;
  const known = (index) => all.some((points) => points[index] !== null && points[index] !== undefined);
  const found = [];
  let last = null;
  for (let index = 0; index < length; index += 1) {
    if (!known(index)) continue;
    if (last !== null && index > last + 1) found.push([last, index]);
    last = index;
  }
  return found;
}

const timeOf = (index) =>
  new Date(new Date(history.end_at).getTime() - (history.length - index) * history.step_seconds * 1000);

/** Hours of the reader's clock that stand under the axis. */
function hours(every) {
  const ticks = [];
  const [from, to] = [timeOf(0), timeOf(history.length)];
  const date = new Date(from);
  date.setMinutes(0, 0, 0);
  for (; date <= to; date.setHours(date.getHours() + 1)) {
    if (date >= from && date.getHours() % every === 0) ticks.push(new Date(date));
  }
  return ticks;
}

function drawGraph(graph) {
  const { figure, drawing } = graph;
  const width = Math.max(160, Math.floor(figure.clientWidth - 24));
  const lines = graph.series.filter((series) => series.line).map((series) => ({ ...series, points: values(graph, series) }));
  const most = Math.max(0, ...lines.flatMap(({ points }) => points.filter((value) => value !== null)));
  const step = most > 0 ? stepFor(most, graph) : 1;
  const top = Math.max(step, Math.ceil((most || step) / step - 0.001) * step);
  const marks = [];
  // Where nothing ever was, there is no measure for an axis but its zero.
  for (let value = 0; value <= (most > 0 ? top * 1.001 : 0); value += step) marks.push(value);
  const left = Math.ceil(Math.max(...marks.map((mark) => graph.axis(mark).length)) * 6.3) + 8;
  const x = (index) => left + ((index + 0.5) / history.length) * (width - left - 6);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - FOOT);
  Object.assign(graph, { x, y, lines, hand: draw("g", { class: "hand" }) });
  drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  drawing.setAttribute("height", HEIGHT);
  // Errors that never were have no line, so that there is no red where all is well.
  const shown = lines.filter(({ points }) => !graph.whole || points.some((value) => value > 0));
  const start = timeOf(0).getTime();
  const reach = history.length * history.step_seconds * 1000;
  drawing.replaceChildren(
    ...holes(lines.map(({ points }) => points)).map(([from, to]) =>
      draw("rect", { class: "hole", x: x(from), y: TOP, width: x(to) - x(from), height: HEIGHT - TOP - FOOT })),
    ...marks.map((mark) => draw("path", { class: "rule", d: `M${left} ${y(mark).toFixed(1)}H${width - 6}` })),
    ...marks.map((mark) => draw("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, graph.axis(mark))),
    ...hours(width > 480 ? 3 : 6)
      .map((date) => [left + ((date.getTime() - start) / reach) * (width - left - 6), date])
      .filter(([place]) => place > left + 10 && place < width - 16)
      .map(([place, date]) => draw("text", { x: place.toFixed(1), y: HEIGHT - 4, "text-anchor": "middle" }, MINUTE.format(date))),
    ...lines.filter((series) => series.filled).map(({ points }) => draw("path", { class: "area", d: areaOf(points, x, y) })),
    ...shown.map(({ points, line }) => draw("path", { class: `line ${line}`, d: lineOf(points, x, y) })).reverse(),
    ...shown.map(({ points, line }) => draw("path", { class: `line dots ${line}`, d: dotsOf(points, x, y) })),
    graph.hand,
  );
}

/** Says the values at the time that is pointed at, or the last ones, in every graph. */
function tell() {
  const last = history.length - 1;
  const index = pointed ?? last;
  const time = clock(timeOf(index), MINUTE);
  at("graphs-time").textContent = pointed === null ? "the last values; point at a graph, or use the arrow keys in it" : `at ${time}`;
  for (const graph of GRAPHS) {
    const told = graph.series.map((series) => {
      const value = history.series[series.key]?.[index];
      return series.say(isNumber(value) ? value : null, history.step_seconds);
    });
    graph.tellers.forEach((teller, place) => { teller.textContent = told[place]; });
    const words = graph.series.map((series, place) => `${series.name} ${told[place]}`).join(", ");
    graph.drawing.setAttribute("aria-valuemax", last);
    graph.drawing.setAttribute("aria-valuenow", index);
    graph.drawing.setAttribute("aria-valuetext", `${time}: ${words}`);
    graph.hand.replaceChildren();
    if (pointed === null) continue;
    const place = graph.x(index).toFixed(1);
    graph.hand.append(draw("path", { d: `M${place} ${TOP}V${HEIGHT - FOOT}` }));
    for (const { points } of graph.lines) {
      if (isNumber(points[index])) graph.hand.append(draw("circle", { cx: place, cy: graph.y(points[index]), r: 3 }));
    }
  }
}

function point(index) {
  pointed = index === null ? null : Math.max(0, Math.min(history.length - 1, index));
  tell();
}

function pointAt(graph, event) {
  const box = graph.drawing.getBoundingClientRect();
  const [first, last] = [graph.x(0), graph.x(history.length - 1)];
  point(Math.round(((event.clientX - box.left - first) / (last - first)) * (history.length - 1)));
}

function pointByKey(event) {
  const last = history.length - 1;
  const here = pointed ?? last;
  const hour = Math.max(1, Math.round(3600 / history.step_seconds));
  const to = { ArrowLeft: here - 1, ArrowRight: here + 1, PageDown: here - hour, PageUp: here + hour, Home: 0, End: last }[event.key];
  if (event.key === "Escape") point(null);
  if (to === undefined) return;
  event.preventDefault();
  point(to);
}

function buildGraphs() {
  for (const graph of GRAPHS) {
    graph.drawing = draw("svg", { role: "slider", tabindex: 0, "aria-label": `${graph.title}, by time`, "aria-valuemin": 0 });
    graph.tellers = graph.series.map(() => make("b", {}));
    graph.figure = make("figure", { class: "panel" },
      make("figcaption", {}, make("h3", {}, graph.title), make("p", { class: "facts" }, graph.series.map((series, index) => make("span", {},
        series.line ? draw("svg", { class: "swatch", viewBox: "0 0 16 8", "aria-hidden": "true" }, draw("path", { class: `line ${series.line}`, d: "M1 4h14" })) : null,
        `${series.name} `, graph.tellers[index])))),
      graph.drawing);
    graph.drawing.addEventListener("pointermove", (event) => pointAt(graph, event));
    graph.drawing.addEventListener("pointerdown", (event) => pointAt(graph, event));
    graph.drawing.addEventListener("pointerleave", () => point(null));
    graph.drawing.addEventListener("blur", () => point(null));
    graph.drawing.addEventListener("keydown", pointByKey);
  }
  at("graphs").replaceChildren(...GRAPHS.map(({ figure }) => figure));
  new ResizeObserver(redrawGraphs).observe(at("graphs"));
}

function redrawGraphs() {
  if (history === null) return;
  GRAPHS.forEach(drawGraph);
  tell();
}

function showHistory(answer) {
  const length = Math.max(0, ...Object.values(answer.series ?? {}).map((series) => series.length));
  const isEmpty = !Object.values(answer.series ?? {}).some((series) => series.some(isNumber));
  at("graphs-empty").hidden = !isEmpty;
  at("graphs-empty").textContent = "Nothing was measured yet: the first point comes after a minute.";
  at("graphs").hidden = isEmpty;
  at("graphs-time").hidden = isEmpty;
  if (isEmpty) return;
  const first = history === null;
  history = { ...answer, length };
  if (first) buildGraphs();
  redrawGraphs();
}
