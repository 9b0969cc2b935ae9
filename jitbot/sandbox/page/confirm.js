// The "are you sure" dialog that an element's `confirm` object asks for.

import { h } from "./dom.js";
import { trap } from "./focus.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { redraw } from "./store.js";

let asked = null; // {object, answer, before}

/** Ask; resolves to true when the person goes on. Without a `confirm` object it is true at once. */
export function confirmed(object) {
  if (!object) return Promise.resolve(true);
  const before = document.activeElement;
  return new Promise((answer) => {
    asked = { object, answer, before };
    redraw();
  });
}

function settle(yes) {
  const { answer, before } = asked;
  asked = null;
  redraw();
  queueMicrotask(() => before?.isConnected && before.focus());
  answer(yes);
}

/** The dialog, or nothing. */
export function confirmDialog() {
  if (!asked) return null;
  const { title, text, confirm, deny, style } = asked.object;
  return h(
    "div",
    { class: "veil", key: "confirm", onmousedown: (event) => event.target === event.currentTarget && settle(false) },
    h(
      "div",
      {
        class: "dialog dialog-confirm",
        role: "alertdialog",
        "aria-modal": "true",
        "aria-labelledby": "confirm-title",
        "aria-describedby": "confirm-text",
        onkeydown: (event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            settle(false);
          }
          trap(event);
        },
        created: (box) => queueMicrotask(() => box.querySelector(".button-primary, .button-danger")?.focus()),
      },
      h(
        "header",
        { class: "dialog-head" },
        h("h1", { id: "confirm-title", class: "dialog-title" }, textObject(title)),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => settle(false) },
          icon("close"),
        ),
      ),
      h("div", { class: "dialog-body", id: "confirm-text" }, textObject(text)),
      h(
        "footer",
        { class: "dialog-foot" },
        h("button", { type: "button", class: "button", onclick: () => settle(false) }, textObject(deny)),
        h(
          "button",
          {
            type: "button",
            class: style === "danger" ? "button button-danger" : "button button-primary",
            onclick: () => settle(true),
          },
          textObject(confirm),
        ),
      ),
    ),
  );
}
