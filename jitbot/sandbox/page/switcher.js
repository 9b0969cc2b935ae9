// Ctrl+K: jump to a channel, a person's messages or the app.

import { cx, h } from "./dom.js";
import { trap } from "./focus.js";
import { openApp, openChannel, openConversation } from "./go.js";
import { icon } from "./icons.js";
import { plainOf } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { channelName, nameOf, redraw, store } from "./store.js";

let state = null; // {query, active, before}

/** Open the switcher. */
export function openSwitcher() {
  state = { query: "", active: 0, before: document.activeElement };
  redraw();
}

function shut(go) {
  const { before } = state;
  state = null;
  redraw();
  if (go) go();
  else queueMicrotask(() => before?.isConnected && before.focus());
}

function places() {
  const { channels, app } = store.data;
  const rooms = channels
    .filter((one) => one.with !== app.bot_user)
    .map((one) => ({
      id: one.id,
      text: channelName(one),
      glyph:
        one.kind === "dm"
          ? avatar(one.with, 20)
          : icon(one.is_archived ? "archive" : one.kind === "private" ? "lock" : "hash", 18),
      hint: one.kind === "dm" ? "Direct message" : plainOf(one.topic || ""),
      go: () => openChannel(one.id),
      unread: one.unread,
    }));
  const known = new Set(channels.map((one) => one.with));
  const people = store.data.people
    .filter((one) => !one.deleted && !one.is_bot && one.id !== store.data.me.id && !known.has(one.id))
    .map((one) => ({
      id: one.id,
      text: nameOf(one.id),
      glyph: avatar(one.id, 20),
      hint: `@${one.name}`,
      go: () => openConversation(one.id),
    }));
  const all = [
    ...rooms,
    ...people,
    { id: "app", text: app.name, glyph: avatar(app.bot_user, 20), hint: "App", go: () => openApp("home") },
  ];
  const wanted = state.query.trim().toLowerCase().replace(/^[#@]/, "");
  return all
    .filter((one) => one.text.toLowerCase().includes(wanted))
    .sort((a, b) => (b.unread ? 1 : 0) - (a.unread ? 1 : 0));
}

function keys(event, found) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    event.preventDefault();
    state.active = (state.active + by + found.length) % (found.length || 1);
    redraw();
  } else if (event.key === "Enter" && found[state.active]) {
    event.preventDefault();
    shut(found[state.active].go);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    shut();
  } else trap(event);
}

/** The switcher, or nothing. */
export function switcher() {
  if (!state) return null;
  const found = places();
  return h(
    "div",
    { class: "veil veil-top", key: "switcher", onmousedown: (event) => event.target === event.currentTarget && shut() },
    h(
      "div",
      {
        class: "dialog switcher",
        role: "dialog",
        "aria-modal": "true",
        "aria-label": "Jump to",
        onkeydown: (event) => keys(event, found),
      },
      h(
        "div",
        { class: "switcher-field" },
        icon("search", 18),
        h("input", {
          type: "text",
          role: "combobox",
          "aria-label": "Jump to a channel or person",
          "aria-expanded": "true",
          "aria-controls": "switcher-list",
          "aria-activedescendant": found.length ? `jump-${state.active}` : undefined,
          placeholder: `Search ${store.data.team.name}`,
          value: state.query,
          autocomplete: "off",
          oninput: (event) => {
            state.query = event.target.value;
            state.active = 0;
            redraw();
          },
          created: (field) => queueMicrotask(() => field.focus()),
        }),
      ),
      h(
        "div",
        { class: "listbox", role: "listbox", id: "switcher-list", "aria-label": "Places" },
        found.map((one, index) =>
          h(
            "div",
            {
              id: `jump-${index}`,
              key: one.id,
              role: "option",
              class: cx("option", index === state.active && "active", one.unread && "unread"),
              "aria-selected": String(index === state.active),
              onclick: () => shut(one.go),
            },
            h("span", { class: "option-glyph" }, one.glyph),
            h("span", { class: "option-text" }, one.text),
            one.hint && h("span", { class: "option-hint" }, one.hint),
          ),
        ),
        !found.length && h("div", { class: "list-note" }, "No results"),
      ),
    ),
  );
}
