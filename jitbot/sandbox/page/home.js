// The app's own page: Home, Messages and About.

import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { failureOf } from "./form.js";
import { openApp } from "./go.js";
import { icon } from "./icons.js";
import { avatar } from "./people.js";
import { store } from "./store.js";

const TABS = [
  ["home", "Home"],
  ["messages", "Messages"],
  ["about", "About"],
];

/** The header of the app's page, with its tabs. */
export function appHeader() {
  const { app } = store.data;
  const current = store.at.app;
  const tabs = TABS.filter(([id]) => id !== "home" || app.home_enabled !== false);
  const walk = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = tabs.findIndex(([id]) => id === store.at.app);
    const [next] = tabs[(at + by + tabs.length) % tabs.length];
    openApp(next);
    queueMicrotask(() => queueMicrotask(() => document.getElementById(`tab-${next}`)?.focus()));
  };
  return h(
    "header",
    { class: "pane-head pane-head-app" },
    h(
      "div",
      { class: "pane-title" },
      avatar(app.bot_user, 24),
      h("h1", { class: "pane-name" }, app.name),
      h("span", { class: "badge badge-app" }, "APP"),
    ),
    h(
      "div",
      { class: "tabs", role: "tablist", "aria-label": app.name, onkeydown: walk },
      tabs.map(([id, label]) =>
        h(
          "button",
          {
            type: "button",
            class: "tab",
            role: "tab",
            id: `tab-${id}`,
            "aria-selected": String(current === id),
            "aria-controls": "app-panel",
            tabindex: current === id ? "0" : "-1",
            onclick: () => openApp(id),
          },
          label,
        ),
      ),
    ),
  );
}

/** The Home tab. */
export function homeTab() {
  const view = store.data.home;
  if (!view) {
    return h(
      "div",
      { class: "home", id: "app-panel", role: "tabpanel", "aria-labelledby": "tab-home" },
      h(
        "div",
        { class: "home-empty" },
        icon("home", 40),
        h("h2", null, "This is the Home of ", store.data.app.name),
        h("p", null, "The app has not put anything here yet."),
      ),
    );
  }
  const surface = { key: view.id || "Vhome", kind: "home", viewId: view.id };
  const trouble = failureOf(surface);
  return h(
    "div",
    { class: "home", id: "app-panel", role: "tabpanel", "aria-labelledby": "tab-home", "data-view-id": view.id },
    h(
      "div",
      { class: "home-inner" },
      blocks(view.blocks, surface),
      trouble && h("div", { class: "message-trouble", role: "alert" }, icon("warning", 16), trouble),
    ),
  );
}

/** The About tab. */
export function aboutTab() {
  const { app, commands, shortcuts } = store.data;
  return h(
    "div",
    { class: "home", id: "app-panel", role: "tabpanel", "aria-labelledby": "tab-about" },
    h(
      "div",
      { class: "home-inner about" },
      h(
        "div",
        { class: "about-top" },
        avatar(app.bot_user, 72),
        h("div", null, h("h2", null, app.name), app.description && h("p", null, app.description)),
      ),
      commands?.length ? h("h3", null, "Commands") : null,
      (commands || []).map((one) =>
        h(
          "div",
          { class: "about-row" },
          h("code", { class: "code" }, `${one.command} ${one.usage_hint || ""}`.trim()),
          h("span", null, one.description),
        ),
      ),
      shortcuts?.length ? h("h3", null, "Shortcuts") : null,
      (shortcuts || []).map((one) =>
        h(
          "div",
          { class: "about-row" },
          h("b", null, one.name),
          h("span", null, one.type === "message" ? "on a message" : "anywhere"),
        ),
      ),
    ),
  );
}
