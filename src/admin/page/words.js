"use strict";

// Numbers, times and elements as a person reads them. Whatever comes from the server becomes text and never markup: keys,
// tenants and the words of stores are other people's.

const SIGNALS = { logs: "log records", metrics: "data points", traces: "spans", profiles: "profiles" };
const SVG = "http://www.w3.org/2000/svg";
const UNKNOWN = "–";

/** A space at which no line ends: a number and its unit stay together. */
const GAP = "\u00a0";

/** An element with properties (`class`, attributes, `text`) and children; strings become text. */
function make(name, about = {}, ...children) {
  return filled(document.createElement(name), about, children);
}

/** The same for what is drawn. */
function draw(name, about = {}, ...children) {
  return filled(document.createElementNS(SVG, name), about, children);
}

/** Children are often `condition && element`. */
const isShown = (child) => child !== null && child !== undefined && child !== false && child !== "";

function filled(element, about, children) {
  for (const [key, value] of Object.entries(about)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter(isShown));
  return element;
}

const at = (id) => document.getElementById(id);
const total = (bySignal) => Object.keys(SIGNALS).reduce((sum, signal) => sum + (bySignal?.[signal] ?? 0), 0);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Three digits at most, and no zeros at the end of a fraction. */
function short(number) {
  const digits = Math.abs(number) >= 99.95 ? 0 : Math.abs(number) >= 9.995 ? 1 : 2;
  return String(Number(number.toFixed(digits)));
}

/** 9,876, 12.3 k, 4.5 M. */
function count(number) {
  if (!isNumber(number)) return UNKNOWN;
  if (Math.abs(number) < 10000) return Number.isInteger(number) ? number.toLocaleString("en") : short(number);
  const power = Math.min(4, Math.floor(Math.log10(Math.abs(number)) / 3));
  return `${short(number / 1000 ** power)}${GAP}${["", "k", "M", "G", "T"][power]}`;
}

/** `1 object`, `2 objects`. */
function several(number, one, many = `${one}s`) {
  return `${count(number)}${GAP}${number === 1 ? one : many}`;
}

function bytes(number) {
  if (!isNumber(number)) return UNKNOWN;
  let power = 0;
  while (number >= 1024 && power < 5) {
    number /= 1024;
    power += 1;
  }
  return `${power === 0 ? Math.round(number) : short(number)}${GAP}${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][power]}`;
}

/** A span of time of at least seconds: 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h; without the second part if not `isFine`. */
function span(seconds, isFine = true) {
  if (!isNumber(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  const steps = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = Math.max(0, steps.findIndex(([, length]) => whole >= length));
  if (whole < 60) return `${whole}${GAP}s`;
  const [name, length] = steps[first];
  const [nextName, nextLength] = steps[first + 1];
  const rest = Math.floor((whole % length) / nextLength);
  return `${Math.floor(whole / length)}${GAP}${name}${rest > 0 && isFine ? ` ${rest}${GAP}${nextName}` : ""}`;
}

/** A span of time below seconds as well: 120 µs, 0.4 ms, 1.2 s. */
function latency(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  if (seconds === 0) return "0";
  if (seconds < 0.00095) return `${short(seconds * 1e6)}${GAP}µs`;
  return seconds < 0.95 ? `${short(seconds * 1e3)}${GAP}ms` : `${short(seconds)}${GAP}s`;
}

/** How many a second; what is rare, how many a minute. */
function rate(perSecond, what) {
  if (!isNumber(perSecond)) return UNKNOWN;
  if (perSecond > 0 && perSecond < 0.1) return `${short(perSecond * 60)}${GAP}${what}/min`;
  return `${count(Number(short(perSecond)))}${GAP}${what}/s`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The time of day where the reader is, with the date if that is another day. */
function clock(date, format = CLOCK) {
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? format.format(date) : `${DAY.format(date)}, ${format.format(date)}`;
}

/** What the clock of the server is ahead of the reader's, in milliseconds: ages are told by the server's. */
let ahead = 0;

const secondsSince = (date) => (Date.now() + ahead - date.getTime()) / 1000;

/** How the distance of a time from now is said, by the kind that a `time` element has in `data-kind`. */
const DISTANCES = {
  ago: (date) => (secondsSince(date) < 1 ? "just now" : `${span(secondsSince(date), false)} ago`),
  since: (date) => span(secondsSince(date)),
  until: (date) => (secondsSince(date) < -1 ? `in ${span(-secondsSince(date))}` : "now"),
};

/** A time, said by its distance from now; `tick` keeps that right. */
function distance(kind, timestamp) {
  const date = new Date(timestamp ?? NaN);
  if (Number.isNaN(date.getTime())) return make("span", {}, UNKNOWN);
  return make("time", { datetime: timestamp, title: clock(date), "data-kind": kind }, DISTANCES[kind](date));
}

const ago = (timestamp) => distance("ago", timestamp);
const since = (timestamp) => distance("since", timestamp);
const until = (timestamp) => distance("until", timestamp);

function tick() {
  for (const time of document.querySelectorAll("time[data-kind]")) {
    time.textContent = DISTANCES[time.dataset.kind](new Date(time.dateTime));
  }
}

/** A key, which may break after its slashes; a very long one loses its middle, and has all of it in its title. */
function keyed(key, most = 140) {
  const half = Math.floor(most / 2);
  const shown = key.length > most ? `${key.slice(0, half)}…${key.slice(-half)}` : key;
  const pieces = shown.split(/(?<=\/)/).flatMap((piece, index) => (index > 0 ? [make("wbr"), piece] : [piece]));
  return make("code", { class: "key", title: key }, pieces);
}

/** Facts in a line, with something between them that is no word. */
function facts(...all) {
  return make("p", { class: "facts" }, all.filter(isShown).map((fact) => make("span", {}, fact)));
}

const SHAPES = {
  good: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z", "m7.5 12.4 3 3 6-6.6"],
  warn: ["M12 2.6 1.6 21h20.8Z", "M12 9.2v5.6m0 2.6v.4"],
  bad: ["M8 2h8l6 6v8l-6 6H8l-6-6V8Z", "m8.6 8.6 6.8 6.8m0-6.8-6.8 6.8"],
  idle: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z", "M8 12h8"],
  unknown: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z", "M9 9.4a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2m0 3v.3"],
};

/** A state's sign: its shape says it as well as its colour. The words beside it are what is read aloud. */
function sign(state) {
  const [outline, inner] = SHAPES[state];
  return draw("svg", { class: `sign ${state}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    draw("path", { class: "shape", d: outline }), draw("path", { class: "inner", d: inner }));
}
