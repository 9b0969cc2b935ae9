// The fields one types in: text, e-mail, URL, number, rich text and files.

import { h } from "./dom.js";
import { hold, isPending, send, valueOf } from "./form.js";
import { icon } from "./icons.js";
import { asText } from "./select_sources.js";

const TYPING_PAUSE_MS = 250;
const timers = new Map();

// Which typing reaches the app: Enter, every character (after a breath), or both.
function listener(one, context) {
  const { surface, blockId, id, inInput, dispatch } = context;
  const when = one.dispatch_action_config?.trigger_actions_on || ["on_enter_pressed"];
  const goes = !inInput || dispatch;
  return {
    oninput: (event) => {
      const value = event.target.value;
      hold(surface, blockId, one.action_id, value);
      if (!goes || !when.includes("on_character_entered")) return;
      clearTimeout(timers.get(id));
      timers.set(
        id,
        setTimeout(() => send(surface, blockId, one.action_id, value), TYPING_PAUSE_MS),
      );
    },
    onkeydown: (event) => {
      if (event.key !== "Enter" || !goes || !when.includes("on_enter_pressed")) return;
      if (event.target.matches("textarea") && event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      send(surface, blockId, one.action_id, event.target.value);
    },
  };
}

function field(one, context, extra = {}) {
  const { surface, blockId, attributes } = context;
  const value = valueOf(surface, blockId, one) ?? "";
  const { tag = "input", type = "text", ...rest } = extra;
  return h(
    "div",
    { class: "text-field" },
    h(tag, {
      class: "field",
      type: tag === "input" ? type : undefined,
      ...attributes,
      placeholder: asText(one.placeholder) || undefined,
      autocomplete: "off",
      value,
      maxlength: one.max_length,
      ...listener(one, context),
      ...rest,
    }),
    isPending(surface, blockId, one.action_id) && h("span", { class: "spinner field-spinner", "aria-hidden": "true" }),
    one.max_length && counter(one.max_length - [...String(value)].length, one.max_length),
  );
}

function counter(left, most) {
  if (left > Math.max(20, most / 5)) return null;
  return h(
    "span",
    { class: left < 0 ? "counter over" : "counter", "aria-live": "polite" },
    h("span", { class: "sr-only" }, "Characters left: "),
    String(left),
  );
}

const plainText = (one, context) =>
  field(one, context, one.multiline ? { tag: "textarea", rows: "3", patched: grow } : {});

// A multi-line field grows with its text, up to a point.
function grow(area) {
  if (area.$grownFor === area.value) return;
  area.$grownFor = area.value;
  area.style.height = "auto";
  area.style.height = `${Math.min(Math.max(area.scrollHeight + 2, 84), 300)}px`;
}

function number(one, context) {
  return field(one, context, {
    inputmode: one.is_decimal_allowed ? "decimal" : "numeric",
    role: "spinbutton",
    "aria-valuemin": one.min_value,
    "aria-valuemax": one.max_value,
  });
}

function file(one, { surface, blockId, id, attributes, change }) {
  const names = [valueOf(surface, blockId, one) || []].flat();
  const pick = (event) => change([...event.target.files].slice(0, one.max_files || 10).map((each) => each.name));
  return h(
    "div",
    { class: "file-field" },
    h("input", {
      type: "file",
      class: "file-native",
      ...attributes,
      multiple: (one.max_files || 10) > 1,
      accept: one.filetypes?.map((each) => `.${each}`).join(","),
      onchange: pick,
    }),
    h("label", { class: "button", for: id }, icon("file", 16), "Upload from your computer"),
    names.map((name) =>
      h(
        "span",
        { class: "chip", key: name },
        icon("file", 14),
        h("span", { class: "chip-text" }, name),
        h(
          "button",
          {
            type: "button",
            class: "chip-x",
            "aria-label": `Remove ${name}`,
            onclick: () => change(names.filter((other) => other !== name)),
          },
          icon("close", 12),
        ),
      ),
    ),
  );
}

export const texts = {
  plain_text_input: plainText,
  rich_text_input: (one, context) => field(one, context, { tag: "textarea", rows: "3", patched: grow }),
  email_text_input: (one, context) => field(one, context, { type: "email" }),
  url_text_input: (one, context) => field(one, context, { type: "url" }),
  number_input: number,
  file_input: file,
};
