// The older attachments of a message: a coloured bar beside text, fields or blocks.

import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { link, mrkdwn, safeUrl } from "./mrkdwn.js";
import { withEmoji } from "./emoji.js";

const NAMED = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };
const colourOf = (one) =>
  NAMED[one.color] || (/^#?[0-9a-f]{6}$/i.test(one.color || "") ? `#${one.color.replace("#", "")}` : undefined);

/** Draw a message's attachments. */
export function attachments(message, surface) {
  return (message.attachments || []).map((one, index) =>
    h(
      "div",
      { class: "attachment", key: `attachment-${index}` },
      h("div", { class: "attachment-bar", style: colourOf(one) ? { background: colourOf(one) } : {} }),
      h("div", { class: "attachment-main" }, one.blocks?.length ? blocks(one.blocks, surface) : legacy(one)),
    ),
  );
}

function legacy(one) {
  return [
    one.pretext && h("div", { class: "mrkdwn" }, mrkdwn(one.pretext)),
    one.author_name && h("div", { class: "card-subtitle" }, one.author_name),
    one.title &&
      h(
        "div",
        { class: "card-title" },
        safeUrl(one.title_link) ? link(one.title_link, one.title) : withEmoji(one.title),
      ),
    one.text && h("div", { class: "mrkdwn" }, mrkdwn(one.text)),
    one.fields?.length
      ? h(
          "div",
          { class: "fields" },
          one.fields.map((field) =>
            h(
              "div",
              { class: "section-field mrkdwn" },
              h("b", null, field.title),
              h("br"),
              mrkdwn(String(field.value)),
            ),
          ),
        )
      : null,
    one.footer && h("div", { class: "context-text" }, withEmoji(one.footer)),
  ];
}
