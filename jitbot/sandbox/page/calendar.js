// The month in a popup behind date pickers; a grid one walks with the arrow keys.

import { cx, h } from "./dom.js";
import { dayOf } from "./dates.js";
import { icon } from "./icons.js";
import { closePopup, isOpen, openPopup } from "./popup.js";
import { now, redraw } from "./store.js";

const WEEK = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const write = (day, options) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString("en-US", { timeZone: "UTC", ...options });

/** "2026-11-23" as "Nov 23, 2026". */
export const dayText = (day) => write(day, { month: "short", day: "numeric", year: "numeric" });

const shift = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * 86400000).toISOString().slice(0, 10);

function shiftMonth(day, months) {
  const [year, month, date] = day.split("-").map(Number);
  const last = new Date(Date.UTC(year, month - 1 + months + 1, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}

let cursor = null; // the day the keyboard is on

/** Open the calendar below `anchor`. */
export function openCalendar(id, anchor, { value, pick, label }) {
  if (isOpen(id)) return closePopup({ refocus: true });
  cursor = value || dayOf(now());
  openPopup({ id, anchor, draw: () => month({ value, pick, label }) });
  focusCursor();
}

const focusCursor = () =>
  queueMicrotask(() => queueMicrotask(() => document.querySelector(`.calendar [data-date="${cursor}"]`)?.focus()));

function move(to) {
  cursor = to;
  redraw();
  focusCursor();
}

function month({ value, pick, label }) {
  const first = `${cursor.slice(0, 8)}01`;
  const start = shift(first, -new Date(`${first}T00:00:00Z`).getUTCDay());
  const weeks = Array.from({ length: 6 }, (_, week) =>
    Array.from({ length: 7 }, (_, day) => shift(start, week * 7 + day)),
  ).filter((week) => week.some((day) => day.slice(0, 7) === first.slice(0, 7)));
  return h(
    "div",
    { class: "calendar", role: "dialog", "aria-label": label || "Choose a date" },
    h(
      "div",
      { class: "calendar-head" },
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Previous month",
          onclick: () => move(shiftMonth(cursor, -1)),
        },
        icon("left"),
      ),
      h("strong", { "aria-live": "polite" }, write(cursor, { month: "long", year: "numeric" })),
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Next month",
          onclick: () => move(shiftMonth(cursor, 1)),
        },
        icon("right"),
      ),
    ),
    h(
      "table",
      { role: "grid", onkeydown: (event) => keys(event, pick) },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          WEEK.map((name) => h("th", { scope: "col", abbr: name }, name.slice(0, 2))),
        ),
      ),
      h(
        "tbody",
        null,
        weeks.map((week) =>
          h(
            "tr",
            null,
            week.map((day) =>
              h("td", { role: "gridcell", "aria-selected": String(day === value) }, dayButton(day, value, first, pick)),
            ),
          ),
        ),
      ),
    ),
  );
}

function dayButton(day, value, first, pick) {
  return h(
    "button",
    {
      type: "button",
      "data-date": day,
      class: cx(
        "day",
        day === value && "chosen",
        day === dayOf(now()) && "today",
        day.slice(0, 7) !== first.slice(0, 7) && "other",
      ),
      tabindex: day === cursor ? "0" : "-1",
      "aria-label": write(day, { weekday: "long", month: "long", day: "numeric", year: "numeric" }),
      onclick: () => choose(day, pick),
    },
    String(Number(day.slice(8))),
  );
}

function choose(day, pick) {
  closePopup({ refocus: true });
  pick(day);
}

function keys(event, pick) {
  const to = {
    ArrowLeft: () => shift(cursor, -1),
    ArrowRight: () => shift(cursor, 1),
    ArrowUp: () => shift(cursor, -7),
    ArrowDown: () => shift(cursor, 7),
    PageUp: () => shiftMonth(cursor, -1),
    PageDown: () => shiftMonth(cursor, 1),
  }[event.key];
  if (to) {
    event.preventDefault();
    move(to());
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(event.target.dataset.date || cursor, pick);
  }
}
