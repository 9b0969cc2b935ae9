// Block Kit: which function draws which block. A surface says where they stand:
// {key, kind: "message" | "modal" | "home", viewId | channel + ts}.

import { cards } from "./blocks_cards.js";
import { tables } from "./blocks_tables.js";
import { cx, h } from "./dom.js";
import { domId, element } from "./elements.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { textObject } from "./mrkdwn.js";
import { picture } from "./picture.js";
import { richText } from "./richtext.js";
import { asText } from "./select_sources.js";

/** Draw blocks on a surface; `errors` stand under input blocks, by block_id. */
export function blocks(list, surface, errors = {}) {
  return h(
    "div",
    { class: `blocks blocks-${surface.kind}` },
    (list || []).map((block, index) => {
      // A message's block_ids change with every update, its places do not; in a form it is the other way about.
      const key = surface.kind === "message" ? `${index}-${block.type}` : block.block_id || `${index}-${block.type}`;
      return h(
        "div",
        { class: `block block-${block.type}`, key, "data-block-id": block.block_id, "data-block-type": block.type },
        drawBlock(block, surface, errors),
      );
    }),
  );
}

/** Draw the inside of one block. */
export function drawBlock(block, surface, errors = {}) {
  const draw = DRAWINGS[block.type];
  if (!draw) return unsupported(block);
  try {
    return draw(block, surface, errors);
  } catch (error) {
    // One block we stumble over must not take the channel with it.
    console.error(`cannot draw a ${block.type} block`, error);
    return unsupported(block);
  }
}

const unsupported = (block) =>
  h(
    "div",
    { class: "unsupported", role: "note" },
    icon("warning", 16),
    ` This block is not supported here: ${block.type}`,
  );

const header = (block) => h("h3", { class: "header-text" }, textObject(block.text));

function section(block, surface) {
  const label = asText(block.text)
    .replace(/[*_~`]|<[^>]*>/g, "")
    .slice(0, 80)
    .trim();
  const accessory =
    block.accessory &&
    (block.accessory.type === "image"
      ? picture(block.accessory, "accessory-image")
      : element(block.accessory, { surface, block, label }));
  return [
    h(
      "div",
      { class: "section-main" },
      block.text && h("div", { class: "section-text mrkdwn" }, textObject(block.text)),
      block.fields?.length
        ? h(
            "div",
            { class: "fields" },
            block.fields.map((field) => h("div", { class: "section-field mrkdwn" }, textObject(field))),
          )
        : null,
    ),
    accessory && h("div", { class: cx("accessory", `accessory-${block.accessory.type}`) }, accessory),
  ];
}

const context = (block) =>
  h(
    "div",
    { class: "context" },
    (block.elements || []).map((one) =>
      one.type === "image"
        ? picture(one, "context-image")
        : h("span", { class: "context-text mrkdwn" }, textObject(one)),
    ),
  );

const actions = (block, surface) =>
  h(
    "div",
    { class: "actions" },
    (block.elements || []).map((one) =>
      h("div", { class: "action", key: one.action_id }, element(one, { surface, block })),
    ),
  );

function image(block) {
  return [block.title && h("div", { class: "image-title" }, textObject(block.title)), picture(block, "image")];
}

const GROUPED = new Set(["checkboxes", "radio_buttons", "datetimepicker", "file_input"]);

function input(block, surface, errors) {
  const one = block.element;
  const id = domId(surface, block.block_id, one.action_id);
  const labelId = `${id}-label`;
  const error = errors[block.block_id];
  const label = [textObject(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  const frame = {
    surface,
    block,
    labelId,
    label: asText(block.label),
    invalid: Boolean(error),
    required: !block.optional,
    optional: block.optional,
    describedBy: cx(block.hint && `${id}-hint`, error && `${id}-error`) || undefined,
    inInput: true,
    dispatch: Boolean(block.dispatch_action),
  };
  return h(
    "div",
    { class: cx("input", error && "invalid") },
    GROUPED.has(one.type)
      ? h("div", { class: "input-label", id: labelId }, label)
      : h("label", { class: "input-label", id: labelId, for: id }, label),
    element(one, frame),
    error &&
      h("div", { class: "input-error", id: `${id}-error`, role: "alert" }, icon("warning", 16), h("span", null, error)),
    block.hint && h("div", { class: "input-hint", id: `${id}-hint` }, textObject(block.hint)),
  );
}

const DRAWINGS = {
  header,
  section,
  context,
  context_actions: (block, surface) =>
    h(
      "div",
      { class: "actions actions-context" },
      (block.elements || []).map((one) => element(one, { surface, block })),
    ),
  actions,
  image,
  input,
  divider: () => h("hr", { class: "divider" }),
  rich_text: (block) => richText(block),
  markdown: (block) => markdown(block.text || ""),
  ...cards(drawBlock),
  ...tables,
};
