// Dates as Slack writes them: each person sees their own time zone, and {ago} counts by itself.

import { h } from "./dom.js";
import { me, now, store } from "./store.js";

const formats = new Map();

function formatOf(options) {
  const zone = zoneOf();
  const key = `${zone}${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options }));
  return formats.get(key);
}

const zones = new Map(); // zone as written -> zone to use; building a format is slow

function zoneOf() {
  const zone = (store.data && me()?.tz) || "UTC";
  if (!zones.has(zone)) zones.set(zone, usable(zone));
  return zones.get(zone);
}

function usable(zone) {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return zone;
  } catch {
    return "UTC"; // a zone this browser does not know must not empty the page
  }
}

const write = (seconds, options) =>
  formatOf(options)
    .format(new Date(seconds * 1000))
    .replace(/\u202f/g, " ");

/** "2026-11-23" in the viewer's zone. */
export function dayOf(seconds) {
  const found = Object.fromEntries(
    formatOf({ year: "numeric", month: "2-digit", day: "2-digit" })
      .formatToParts(new Date(seconds * 1000))
      .map(({ type, value }) => [type, value]),
  );
  return `${found.year}-${found.month}-${found.day}`;
}

/** "14:05" in the viewer's zone. */
export const clockOf = (seconds) => write(seconds, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The Unix second at which the viewer's wall clock shows this day ("2026-11-23") and time ("14:05"). */
export function momentOf(day, time) {
  const wanted = Date.parse(`${day}T${time}:00Z`) / 1000;
  let guess = wanted;
  // Twice, because the first correction may cross a change of the clocks.
  for (let round = 0; round < 2; round += 1)
    guess += wanted - Date.parse(`${dayOf(guess)}T${clockOf(guess)}:00Z`) / 1000;
  return guess;
}

export const time = (seconds) => write(seconds, { hour: "numeric", minute: "2-digit" });
const timeSecs = (seconds) => write(seconds, { hour: "numeric", minute: "2-digit", second: "2-digit" });

function ordinal(day) {
  const teen = day % 100 >= 11 && day % 100 <= 13;
  return `${day}${teen ? "th" : ["th", "st", "nd", "rd"][day % 10] || "th"}`; // codespell:ignore nd
}

const day = (seconds) => ordinal(Number(write(seconds, { day: "numeric" })));
const month = (seconds) => write(seconds, { month: "long" });
const year = (seconds) => write(seconds, { year: "numeric" });
const date = (seconds) => `${month(seconds)} ${day(seconds)}, ${year(seconds)}`;
const dateShort = (seconds) => write(seconds, { month: "short", day: "numeric", year: "numeric" });
const dateLong = (seconds) => `${write(seconds, { weekday: "long" })}, ${date(seconds)}`;

function pretty(seconds, otherwise) {
  const names = { [dayOf(now())]: "today", [dayOf(now() - 86400)]: "yesterday", [dayOf(now() + 86400)]: "tomorrow" };
  return names[dayOf(seconds)] || otherwise(seconds);
}

const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 minutes ago", "in 2 hours". */
export function ago(seconds) {
  const away = seconds - now();
  for (const [unit, size] of UNITS) {
    const count = Math.floor(Math.abs(away) / size);
    if (count >= 1) {
      const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
      return away < 0 ? `${words} ago` : `in ${words}`;
    }
  }
  const left = Math.max(1, Math.round(Math.abs(away)));
  if (away < 0) return left < 10 ? "just now" : `${left} seconds ago`;
  return `in ${left} second${left === 1 ? "" : "s"}`;
}

const TOKENS = {
  date_num: (seconds) => dayOf(seconds),
  date_slash: (seconds) => write(seconds, { month: "2-digit", day: "2-digit", year: "numeric" }),
  date,
  date_short: dateShort,
  date_long: dateLong,
  date_long_full: dateLong,
  date_pretty: (seconds) => pretty(seconds, date),
  date_short_pretty: (seconds) => pretty(seconds, dateShort),
  date_long_pretty: (seconds) => pretty(seconds, dateLong),
  date_long_full_pretty: (seconds) => pretty(seconds, dateLong),
  day_divider_pretty: (seconds) => pretty(seconds, (s) => `${write(s, { weekday: "long" })}, ${month(s)} ${day(s)}`),
  time,
  time_secs: timeSecs,
  ago,
};

/** Fill in Slack's date tokens; an unknown token makes Slack use the fallback, so it gives null here. */
export function fill(seconds, format) {
  let known = true;
  const text = format.replace(/\{(\w+)\}/g, (whole, token) => {
    if (TOKENS[token]) return TOKENS[token](seconds);
    known = false;
    return whole;
  });
  // "Today at 2 PM" starts a sentence, "lapses today at 2 PM" does not.
  return known ? text.replace(/^(today|yesterday|tomorrow)/, (word) => word[0].toUpperCase() + word.slice(1)) : null;
}

/** The element for a date token. */
export function dateNode(seconds, format, { link, fallback } = {}) {
  const text = Number.isFinite(seconds) ? fill(seconds, format) : null;
  const shown = text ?? fallback ?? format;
  const props = { datetime: isoOf(seconds), title: Number.isFinite(seconds) ? moment(seconds) : undefined };
  if (format.includes("{ago}") || format.includes("_pretty}")) props["data-counting"] = "yes";
  const node = h("time", props, shown);
  return link ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, node) : node;
}

const isoOf = (seconds) => (Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString() : undefined);

/** "Monday, November 23rd at 2:05:09 PM", for a hover. */
export const moment = (seconds) =>
  `${write(seconds, { weekday: "long" })}, ${month(seconds)} ${day(seconds)} at ${timeSecs(seconds)}`;

/** What stands between two days of a channel. */
export function dividerOf(seconds) {
  const text = TOKENS.day_divider_pretty(seconds);
  return text[0].toUpperCase() + text.slice(1);
}

/** When the text of a counting date changes next: seconds until then. */
export const TICK_SECONDS = 1;
