// Forms: the dialog in the middle, its stack, its errors in place and its keyboard.

import * as api from "./api.js";
import { blocks } from "./blocks.js";
import { wrongIn } from "./check.js";
import { confirmDialog } from "./confirm.js";
import { cx, h, patch } from "./dom.js";
import { reachable, trap } from "./focus.js";
import { errorsOf, failureOf, forgetForms, isPending, setErrors, submitForm } from "./form.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { refresh, store } from "./store.js";
import { switcher } from "./switcher.js";

let before = null; // what had the focus when the first form opened
let shownTop = null;

/** Draw whatever lies over the page: the top form, a confirm dialog, the quick switcher. */
export function drawDialogs() {
  const { modals, home } = store.data;
  forgetForms([...modals, ...(home ? [home] : [])]);
  const top = modals[modals.length - 1];
  noteFocus(top);
  const over = [top && form(top, modals.length), confirmDialog(), switcher()];
  patch(document.getElementById("dialogs"), over);
  const app = document.getElementById("app");
  app.inert = over.some(Boolean);
  app.ariaHidden = app.inert ? "true" : null;
  if (!top && before) {
    if (before.isConnected) before.focus();
    before = null;
  }
}

function noteFocus(top) {
  if (top && !shownTop) before = document.activeElement;
  shownTop = top?.id;
}

async function closeForm(view, clear) {
  await api.close(view.id, clear);
  await refresh();
}

function submit(view, surface) {
  const wrong = wrongIn(view, surface);
  if (!Object.keys(wrong).length) return void submitForm(view, surface).then(() => focusFirstError());
  setErrors(view.id, wrong);
  focusFirstError();
}

const focusFirstError = () =>
  queueMicrotask(() =>
    queueMicrotask(() => {
      const field = document.querySelector(".dialog-form .invalid");
      if (field) (field.querySelector("input,textarea,button") || field).focus();
    }),
  );

function form(view, depth) {
  const surface = { key: view.id, kind: "modal", viewId: view.id, blocks: view.blocks };
  const waiting = isPending(surface, "", "submit");
  const trouble = failureOf(surface);
  const submittable = view.submit || view.blocks.some((block) => block.type === "input");
  return h(
    "div",
    { class: "veil", key: "forms" },
    h(
      "form",
      {
        class: cx("dialog", "dialog-form"),
        key: view.id,
        role: "dialog",
        "aria-modal": "true",
        "aria-labelledby": "form-title",
        "data-view-id": view.id,
        "data-callback-id": view.callback_id,
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (submittable) submit(view, surface);
        },
        onkeydown: (event) => formKeys(event, view, surface, submittable),
        created: (box) => queueMicrotask(() => !box.contains(document.activeElement) && firstField(box)?.focus()),
      },
      h(
        "header",
        { class: "dialog-head" },
        depth > 1
          ? h(
              "button",
              { type: "button", class: "icon-button", "aria-label": "Back", onclick: () => closeForm(view) },
              icon("back"),
            )
          : avatar(store.data.app.bot_user, 28),
        h("h1", { id: "form-title", class: "dialog-title" }, textObject(view.title)),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => closeForm(view, true) },
          icon("close"),
        ),
      ),
      h("div", { class: "dialog-body", key: "body" }, blocks(view.blocks, surface, errorsOf(view))),
      h(
        "footer",
        { class: "dialog-foot", key: "foot" },
        trouble && h("div", { class: "dialog-trouble", role: "alert" }, icon("warning", 18), h("span", null, trouble)),
        h(
          "button",
          { type: "button", class: "button", key: "close", onclick: () => closeForm(view) },
          view.close ? textObject(view.close) : "Cancel",
        ),
        submittable &&
          h(
            "button",
            {
              type: "submit",
              key: "submit",
              class: cx("button", "button-primary", waiting && "waiting"),
              "aria-busy": waiting ? "true" : undefined,
              disabled: view.submit_disabled,
            },
            waiting && h("span", { class: "spinner", "aria-hidden": "true" }),
            h("span", { class: "button-text" }, view.submit ? textObject(view.submit) : "Submit"),
          ),
      ),
    ),
  );
}

const firstField = (box) =>
  box.querySelector(".dialog-body input:not([type=file]), .dialog-body textarea, .dialog-body button.field") ||
  reachable(box).at(-1);

function formKeys(event, view, surface, submittable) {
  if (event.key === "Escape") {
    event.preventDefault();
    closeForm(view);
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && submittable) {
    event.preventDefault();
    submit(view, surface);
  } else trap(event);
}
