// The drawer of the local Slack: its clock, its faults and its log. Not part of Slack, and not needed to use it.

import * as api from "./api.js";
import { h } from "./dom.js";
import { moment } from "./dates.js";
import { icon } from "./icons.js";
import { now, redraw, refresh, store } from "./store.js";

let open = false;
let entries = [];
let since = 0;
let faults = [];
let timer = null;

const LOG_EVERY_MS = 1500;
const MOST = 80;

const PRESETS = [
  ["Slack answers 500 to everything", { on: "*", kind: "http_500", times: 0 }],
  ["Posting and updating is rate limited", { on: "chat.*", kind: "ratelimited", times: 0, retry_after: 5 }],
  ["Posts are carried out, their answer is lost", { on: "chat.postMessage", kind: "drop_after", times: 0 }],
  ["Every Web API call takes 2 seconds", { on: "*", kind: "slow", times: 0, delay: 2 }],
  ["Deliveries arrive twice", { on: "delivery", kind: "duplicate", times: 0 }],
  ["Acks get lost", { on: "delivery", kind: "lost_ack", times: 0 }],
];

/** Open or close the drawer. */
export function openDrawer() {
  open = !open;
  redraw();
  clearInterval(timer);
  if (!open) return;
  load();
  timer = setInterval(load, LOG_EVERY_MS);
  queueMicrotask(() => queueMicrotask(() => document.querySelector(".drawer .icon-button")?.focus()));
}

async function load() {
  const [log, present] = await Promise.all([api.log(since), api.faults()]);
  faults = Array.isArray(present) ? present : present.faults || [];
  const fresh = [...(log.calls || []).map((one) => ({ ...one, call: true })), ...(log.deliveries || [])].filter(
    (one) => !entries.some((other) => other.call === one.call && other.n === one.n),
  );
  entries = [...entries, ...fresh].sort((a, b) => b.at - a.at || b.n - a.n).slice(0, MOST);
  // The last few are asked for again: a delivery's outcome comes after the delivery.
  const lately = new Map([
    ...(log.deliveries || []).map((one) => [`d${one.n}`, one]),
    ...(log.calls || []).map((one) => [`c${one.n}`, { ...one, call: true }]),
  ]);
  entries = entries.map((one) => lately.get(`${one.call ? "c" : "d"}${one.n}`) || one);
  since = Math.max(0, ...entries.map((one) => one.n)) - 20;
  since = Math.max(0, since);
  redraw();
}

async function forward(seconds) {
  await api.forward(seconds);
  await refresh();
}

const same = (one, preset) => one.on === preset.on && one.kind === preset.kind;

async function toggle(preset, on) {
  const rest = faults.filter((one) => !same(one, preset)).map(({ struck: _struck, ...fault }) => fault);
  await api.setFaults(on ? [...rest, preset] : rest);
  await load();
}

/** The drawer, or nothing. */
export function drawer() {
  if (!open) return null;
  return h(
    "aside",
    {
      class: "drawer",
      key: "drawer",
      "aria-label": "Local Slack",
      onkeydown: (event) => event.key === "Escape" && openDrawer(),
    },
    h(
      "header",
      { class: "pane-head" },
      h("div", { class: "pane-title" }, icon("tools"), h("h2", { class: "pane-name" }, "Local Slack")),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: openDrawer }, icon("close")),
    ),
    h(
      "div",
      { class: "drawer-body" },
      h("h3", null, "Clock"),
      h("p", { class: "drawer-clock" }, moment(now())),
      h(
        "div",
        { class: "actions" },
        [
          ["+1 minute", 60],
          ["+5 minutes", 300],
          ["+1 hour", 3600],
        ].map(([label, seconds]) =>
          h("button", { type: "button", class: "button button-small", onclick: () => forward(seconds) }, label),
        ),
      ),
      h("h3", null, "Faults"),
      PRESETS.map(([label, preset], index) => {
        const present = faults.find((one) => same(one, preset));
        return h(
          "div",
          { class: "choice", key: label },
          h("input", {
            type: "checkbox",
            id: `fault-${index}`,
            checked: Boolean(present),
            onchange: (event) => toggle(preset, event.target.checked),
          }),
          h("label", { for: `fault-${index}` }, label, present?.struck ? ` (${present.struck})` : ""),
        );
      }),
      h("h3", null, "Lately"),
      entries.length ? h("ol", { class: "log" }, entries.map(entry)) : h("p", { class: "muted" }, "Nothing yet."),
    ),
  );
}

function entry(one) {
  const bad = one.call
    ? one.answer?.ok === false || one.status >= 400
    : !["acked", "under way", undefined].includes(one.outcome);
  const what = one.call ? one.method : one.kind;
  const result = one.call
    ? (one.answer?.error ?? one.status ?? "")
    : `${one.outcome ?? "…"}${one.took_ms !== undefined && one.took_ms !== null ? ` in ${Math.round(one.took_ms)} ms` : ""}${one.attempt > 1 ? `, attempt ${one.attempt}` : ""}`;
  return h(
    "li",
    { key: `${one.call ? "c" : "d"}${one.n}`, class: bad ? "log-bad" : undefined },
    h(
      "details",
      null,
      h(
        "summary",
        null,
        h(
          "span",
          { class: "log-way", title: one.call ? "the app called Slack" : "Slack told the app" },
          one.call ? "app → Slack" : "Slack → app",
        ),
        h("b", null, what),
        h("span", { class: "log-result" }, String(result)),
      ),
      h(
        "pre",
        { class: "pre" },
        JSON.stringify(one.call ? { args: one.args, answer: one.answer } : one.payload, null, 2),
      ),
    ),
  );
}

/** Whether the drawer is open. */
export const drawerIsOpen = () => open && Boolean(store.data);
