import { h } from "./dom.js";

/**
 * @typedef {import("/client/quality.js").Reading} Reading
 * @typedef {import("/client/quality.js").Level} Level
 * @typedef {{ at_ms: number, span_ms: number, mos: number | null }} Point
 * @typedef {{ listener: string, speaker: string, mos: { median: number | null, worst: number | null }, level: Level | null, verdict: string, points: Point[] }} Direction
 */

/** @type {Level[]} */
const LEVELS = ["bad", "poor", "fair", "good", "excellent"];

/** @type {Record<string, string>} */
const FAULTS = {
  uplink: "the speaker's way up was too narrow",
  network: "the network between was at fault",
  downlink: "the listener's way down was too narrow",
  device: "a device was too slow",
};

/** How somebody is heard now: bars, and the same in words. @param {Reading} reading */
export function bars({ mos, level, round_trip_ms, lost }) {
  const said = [
    level ? `Quality ${level}` : "Nothing arrives",
    mos === null ? "no sound" : `MOS ${mos.toFixed(1)}`,
    round_trip_ms === null ? null : `${round_trip_ms} ms round trip`,
    `${lost} % lost`,
  ].filter(Boolean).join(", ");
  const full = level ? LEVELS.indexOf(level) + 1 : 0;
  const marks = LEVELS.map((_, i) => h("i", { class: i < full ? "full" : "" }));
  return h("span", { class: "bars", role: "img", "aria-label": said, title: said, "data-level": level ?? "none" }, ...marks);
}

/**
 * How a past call sounded, a line for each direction; null when nobody reported.
 * @param {{ directions: Direction[] }} quality
 * @param {(user: string) => string} name
 */
export function chart({ directions }, name) {
  const measured = directions.filter(({ points }) => points.some(({ mos }) => mos !== null));
  if (measured.length === 0) return null;
  return h("div", { class: "sound" }, h("h3", {}, "How it sounded"), ...measured.map((one) => line(one, name)));
}

const WIDTH = 320;
const HEIGHT = 64;
/** @param {number} mos */
const y = (mos) => HEIGHT - 4 - ((mos - 1) / 3.5) * (HEIGHT - 8);

/** @param {Direction} direction @param {(user: string) => string} name */
function line({ listener, speaker, mos, level, verdict, points }, name) {
  const fault = FAULTS[verdict] ? ` ${FAULTS[verdict][0].toUpperCase()}${FAULTS[verdict].slice(1)}.` : "";
  const words = `${name(listener)} heard ${name(speaker).replace(/^You$/, "you")}: ${level} in all, sound MOS ${mos.median?.toFixed(1)}, at worst ${mos.worst?.toFixed(1)}.${fault}`;
  const first = points[0].at_ms - points[0].span_ms;
  const whole = Math.max(1, points[points.length - 1].at_ms - first);
  const x = (/** @type {number} */ ms) => ((ms - first) / whole) * (WIDTH - 24) + 20;
  let drawing = false;
  const path = points.map(({ at_ms, span_ms, mos }) => {
    if (mos === null) return (drawing = false), "";
    const step = `${drawing ? "L" : "M"}${x(at_ms - span_ms).toFixed(1)} ${y(mos).toFixed(1)}H${x(at_ms).toFixed(1)}`;
    drawing = true;
    return step;
  });
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `MOS over time. ${words}` });
  for (const mark of [4, 3, 2]) {
    const label = s("text", { x: "2", y: String(y(mark) + 3) });
    label.textContent = String(mark);
    svg.append(s("line", { x1: "20", x2: String(WIDTH - 4), y1: String(y(mark)), y2: String(y(mark)) }), label);
  }
  svg.append(s("path", { d: path.join("") }));
  const figure = h("figure", { "data-level": level ?? "none" }, h("figcaption", {}, words));
  figure.append(svg);
  return figure;
}

/** @param {string} tag @param {Record<string, string>} attributes */
function s(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
