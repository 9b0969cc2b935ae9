// Buttons: default, primary, danger, links, icon and feedback buttons.

import { cx, h } from "./dom.js";
import { confirmed } from "./confirm.js";
import { isPending, send } from "./form.js";
import { icon } from "./icons.js";
import { safeUrl, textObject } from "./mrkdwn.js";
import { asText } from "./select_sources.js";
import { me } from "./store.js";

function button(one, { surface, blockId, attributes }) {
  // A hint of the app's about whom to show it to; the app checks again who pressed.
  if (one.visible_to_user_ids && !one.visible_to_user_ids.includes(me().id)) return null;
  const waiting = isPending(surface, blockId, one.action_id);
  const name = one.accessibility_label || undefined;
  const looks = {
    class: cx(
      "button",
      one.style === "primary" && "button-primary",
      one.style === "danger" && "button-danger",
      waiting && "waiting",
    ),
    "data-action-id": one.action_id,
    "aria-label": name,
    "aria-busy": waiting ? "true" : undefined,
    id: attributes.id,
  };
  const inner = [
    waiting && h("span", { class: "spinner", "aria-hidden": "true" }),
    h("span", { class: "button-text" }, textObject(one.text)),
  ];
  const press = async () => {
    if (waiting || !(await confirmed(one.confirm))) return;
    await send(surface, blockId, one.action_id);
  };
  const href = safeUrl(one.url);
  // A link button opens its page and tells the app as well.
  if (href)
    return h(
      "a",
      {
        ...looks,
        href,
        target: "_blank",
        rel: "noopener noreferrer",
        role: "button",
        onclick: () => send(surface, blockId, one.action_id),
      },
      inner,
    );
  return h("button", { ...looks, type: "button", onclick: press }, inner);
}

function iconButton(one, context) {
  if (one.visible_to_user_ids && !one.visible_to_user_ids.includes(me().id)) return null;
  const label = one.accessibility_label || asText(one.text);
  return small(one, context, { label, inner: icon(one.icon === "trash" ? "archive" : "dots", 16), text: one.text });
}

function small(one, { surface, blockId }, { label, inner, text, value }) {
  return h(
    "button",
    {
      type: "button",
      class: "button button-small",
      "aria-label": label,
      title: label,
      "data-action-id": one.action_id,
      onclick: async () => (await confirmed(one.confirm)) && send(surface, blockId, one.action_id, value),
    },
    inner,
    text && h("span", { class: "button-text" }, textObject(text)),
  );
}

function feedback(one, context) {
  return [
    [one.positive_button, "👍"],
    [one.negative_button, "👎"],
  ]
    .filter(([which]) => which)
    .map(([which, mark]) =>
      small({ ...one, confirm: which.confirm }, context, {
        label: which.accessibility_label || asText(which.text),
        inner: h("span", { "aria-hidden": "true" }, mark),
        value: which.value,
      }),
    );
}

export const buttons = { button, workflow_button: button, icon_button: iconButton, feedback_buttons: feedback };
