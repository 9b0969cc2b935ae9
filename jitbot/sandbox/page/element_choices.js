// Radio buttons, checkboxes and the overflow menu.

import { cx, h } from "./dom.js";
import { confirmed } from "./confirm.js";
import { isPending, send, valueOf } from "./form.js";
import { icon } from "./icons.js";
import { safeUrl, textObject } from "./mrkdwn.js";
import { openMenu } from "./popup.js";

function group(one, context, role, row) {
  const { attributes } = context;
  const { created, ...rest } = attributes;
  return h(
    "div",
    { class: "choices", role, created, ...rest },
    (one.options || []).map((option, index) => row(option, index)),
  );
}

function radio(one, context) {
  const value = valueOf(context.surface, context.blockId, one);
  return group(one, context, "radiogroup", (option, index) =>
    choice(option, {
      id: `${context.id}-${index}`,
      type: "radio",
      name: context.id,
      checked: option.value === value,
      pick: () => context.change(option.value),
    }),
  );
}

function checkboxes(one, context) {
  const values = valueOf(context.surface, context.blockId, one) || [];
  return group(one, context, "group", (option, index) =>
    choice(option, {
      id: `${context.id}-${index}`,
      type: "checkbox",
      checked: values.includes(option.value),
      pick: (checked) =>
        context.change(
          one.options
            .map((other) => other.value)
            .filter((other) => (other === option.value ? checked : values.includes(other))),
        ),
    }),
  );
}

function choice(option, { id, type, name, checked, pick }) {
  return h(
    "div",
    { class: "choice", key: option.value },
    h("input", {
      id,
      type,
      name,
      value: option.value,
      checked,
      "aria-describedby": option.description ? `${id}-more` : undefined,
      onchange: (event) => pick(event.target.checked),
      // A confirm dialog that is answered with no leaves the drawing as it was, so say it again.
      patched: (box) => (box.checked = checked),
    }),
    h("label", { for: id }, textObject(option.text)),
    option.description && h("div", { class: "choice-more", id: `${id}-more` }, textObject(option.description)),
  );
}

function overflow(one, { surface, blockId, id, label }) {
  const waiting = isPending(surface, blockId, one.action_id);
  const pick = async (option) => {
    const href = safeUrl(option.url);
    if (href) window.open(href, "_blank", "noopener");
    if (await confirmed(one.confirm)) await send(surface, blockId, one.action_id, option.value);
  };
  const items = () =>
    one.options.map((option) => ({
      text: [
        textObject(option.text),
        option.description && h("span", { class: "menu-hint" }, textObject(option.description)),
      ],
      run: () => pick(option),
    }));
  return h(
    "button",
    {
      type: "button",
      id,
      class: cx("button", "button-overflow", waiting && "waiting"),
      "data-action-id": one.action_id,
      "aria-haspopup": "menu",
      "aria-label": label ? `More actions: ${label}` : "More actions",
      onclick: (event) => openMenu(`menu-${id}`, event.currentTarget, items(), { label: "More actions" }),
    },
    waiting ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon("dots", 18),
  );
}

export const choices = { radio_buttons: radio, checkboxes, overflow };
