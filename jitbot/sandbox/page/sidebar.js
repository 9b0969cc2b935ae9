// The left side: workspace, who one acts as, channels, direct messages and the app.

import { cx, h } from "./dom.js";
import { openDrawer } from "./drawer.js";
import { becomePerson, openApp, openChannel } from "./go.js";
import { icon } from "./icons.js";
import { actors, avatar, badges } from "./people.js";
import { openMenu } from "./popup.js";
import { appDm, channelName, me, nameOf, redraw, store } from "./store.js";
import { openSwitcher } from "./switcher.js";
import { isDark, switchTheme } from "./theme.js";

/** The bar on top: search and what belongs to the page rather than to Slack. */
export function topBar() {
  return h(
    "div",
    { class: "top-bar" },
    h(
      "button",
      {
        type: "button",
        class: "top-button only-narrow",
        "aria-label": "Channels",
        "aria-expanded": String(Boolean(store.narrowSidebar)),
        onclick: () => ((store.narrowSidebar = !store.narrowSidebar), redraw()),
      },
      icon("menu"),
    ),
    h(
      "button",
      { type: "button", class: "top-search", onclick: openSwitcher, title: "Ctrl+K" },
      icon("search", 16),
      h("span", null, `Search ${store.data.team.name}`),
    ),
    store.lost && h("span", { class: "lost", role: "status" }, "Reconnecting…"),
    h(
      "button",
      {
        type: "button",
        class: "top-button",
        "aria-label": isDark() ? "Switch to light" : "Switch to dark",
        title: isDark() ? "Switch to light" : "Switch to dark",
        onclick: switchTheme,
      },
      icon(isDark() ? "sun" : "moon"),
    ),
    h(
      "button",
      {
        type: "button",
        class: "top-button",
        "aria-label": "Local Slack",
        title: "Local Slack (?)",
        onclick: openDrawer,
      },
      icon("tools"),
    ),
  );
}

function actingAs() {
  const mine = me();
  const items = () => [
    { heading: "Act as" },
    ...actors().map((one) => ({
      before: avatar(one.id, 28),
      text: [
        h("span", null, nameOf(one.id), " ", badges(one)),
        h("span", { class: "menu-hint" }, `@${one.name}${one.title ? ` · ${one.title}` : ""}`),
      ],
      checked: one.id === mine.id,
      after: one.id === mine.id && icon("check", 16),
      run: () => becomePerson(one.id),
    })),
  ];
  return h(
    "button",
    {
      type: "button",
      class: "acting-as",
      "aria-haspopup": "menu",
      "aria-label": `Acting as ${nameOf(mine.id)}. Change person`,
      onclick: (event) =>
        openMenu("acting-as", event.currentTarget, items(), { label: "Act as", align: "start", width: "anchor" }),
    },
    avatar(mine.id, 28),
    h(
      "span",
      { class: "acting-text" },
      h("span", { class: "acting-small" }, "Acting as"),
      h("span", { class: "acting-name" }, nameOf(mine.id)),
    ),
    badges(mine),
    icon("caret", 18),
  );
}

/** The column of channels. */
export function sidebar() {
  const { channels, app, team } = store.data;
  const rooms = channels
    .filter((one) => one.kind !== "dm")
    .sort((a, b) => a.is_archived - b.is_archived || a.name.localeCompare(b.name));
  const dms = channels.filter((one) => one.kind === "dm" && one.with !== app.bot_user);
  return h(
    "nav",
    {
      class: cx("sidebar", store.narrowSidebar && "shown"),
      "aria-label": "Channels and direct messages",
      onkeydown: walk,
    },
    h(
      "div",
      { class: "sidebar-head" },
      h("span", { class: "team-icon", "aria-hidden": "true" }, (team.name || "?")[0].toUpperCase()),
      h("span", { class: "team-name" }, team.name),
    ),
    actingAs(),
    h(
      "div",
      { class: "sidebar-scroll" },
      group("Channels", rooms.map(room)),
      group(
        "Direct messages",
        dms.map(dm),
        h(
          "button",
          {
            type: "button",
            class: "side-add",
            "aria-label": "New direct message",
            title: "New direct message",
            onclick: openSwitcher,
          },
          icon("plus", 16),
        ),
      ),
      group("Apps", [appRow()]),
    ),
  );
}

function group(title, rows, after) {
  const id = `group-${title.toLowerCase().replaceAll(" ", "-")}`;
  return h(
    "section",
    { class: "side-group", "aria-labelledby": id },
    h("div", { class: "side-top" }, h("h2", { class: "side-title", id }, title), after),
    h("ul", { class: "side-list" }, rows.filter(Boolean)),
  );
}

function row({ key, open, unread, mentions, glyph, text, after, onclick, data, quiet, label }) {
  return h(
    "li",
    { key },
    h(
      "button",
      {
        type: "button",
        class: cx("side-row", open && "open", unread > 0 && "unread", quiet && "quiet"),
        "aria-current": open ? "page" : undefined,
        "aria-label": label,
        onclick,
        ...data,
      },
      h("span", { class: "side-glyph" }, glyph),
      h("span", { class: "side-name" }, text),
      after,
      mentions > 0 && h("span", { class: "count" }, String(mentions), h("span", { class: "sr-only" }, " unread")),
    ),
  );
}

function spoken(name, one) {
  const unread = one?.unread ? `, ${one.unread} unread` : "";
  return `${name}${one?.is_archived ? ", archived" : ""}${one?.is_ext_shared ? ", shared with others" : ""}${unread}`;
}

function room(one) {
  return row({
    key: one.id,
    open: store.at.channel === one.id,
    unread: one.unread,
    mentions: one.mentions,
    quiet: one.is_archived || !one.is_member,
    glyph: icon(one.is_archived ? "archive" : one.kind === "private" ? "lock" : "hash", 18),
    text: one.name,
    label: spoken(one.name, one),
    after:
      one.is_ext_shared && h("span", { class: "shared", title: "Shared with another organisation" }, icon("right", 14)),
    onclick: () => openChannel(one.id),
    data: { "data-channel": one.id },
  });
}

function dm(one) {
  return row({
    key: one.id,
    open: store.at.channel === one.id,
    unread: one.unread,
    mentions: one.unread,
    glyph: avatar(one.with, 20),
    text: channelName(one),
    label: spoken(channelName(one), one),
    onclick: () => openChannel(one.id),
    data: { "data-channel": one.id },
  });
}

function appRow() {
  const { app } = store.data;
  const talk = appDm();
  return row({
    key: "app",
    open: Boolean(store.at.app) || (talk && store.at.channel === talk.id),
    unread: talk?.unread || 0,
    mentions: talk?.unread || 0,
    glyph: avatar(app.bot_user, 20),
    text: app.name,
    label: spoken(app.name, talk),
    onclick: () => openApp(app.home_enabled === false ? "messages" : "home"),
    data: { "data-app": app.id },
  });
}

function walk(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = [...event.currentTarget.querySelectorAll(".side-row")];
  const at = rows.indexOf(document.activeElement);
  if (!by || at < 0) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, at + by))].focus();
}
