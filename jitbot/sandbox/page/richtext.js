// rich_text blocks: sections, lists, quotes and preformatted text, and everything that can stand in them.

import { dateNode } from "./dates.js";
import { h } from "./dom.js";
import { emojiNamed, withEmoji } from "./emoji.js";
import { channelMention, groupMention, link, safeUrl, userMention } from "./mrkdwn.js";

/** Draw a rich_text block. */
export function richText(block) {
  return h("div", { class: "rich-text" }, (block.elements || []).map(part));
}

function part(one) {
  switch (one.type) {
    case "rich_text_section":
      return h("div", { class: "rt-section" }, spans(one.elements));
    case "rich_text_list":
      return list(one);
    case "rich_text_quote":
      return h("blockquote", { class: "quote" }, spans(one.elements));
    case "rich_text_preformatted":
      return h("pre", { class: "pre" }, spans(one.elements));
    default:
      return spans([one]);
  }
}

function list(one) {
  const ordered = one.style === "ordered";
  const depth = one.indent || 0;
  return h(
    ordered ? "ol" : "ul",
    {
      class: `rt-list rt-depth-${depth % 3}`,
      style: { "margin-left": `${depth * 28}px` },
      start: ordered && one.offset ? one.offset + 1 : undefined,
    },
    (one.elements || []).map((item) => h("li", null, spans(item.elements))),
  );
}

const spans = (elements) => (elements || []).map(styled);

function styled(one) {
  const style = one.style && typeof one.style === "object" ? one.style : {};
  let drawn = plain(one);
  if (style.code) drawn = h("code", { class: "code" }, drawn);
  if (style.underline) drawn = h("u", null, drawn);
  if (style.strike) drawn = h("s", null, drawn);
  if (style.italic) drawn = h("i", null, drawn);
  if (style.bold) drawn = h("b", null, drawn);
  return drawn;
}

function plain(one) {
  switch (one.type) {
    case "text":
      // rich text says its emoji apart, so ":warning:" in a text element is just that.
      return withEmoji(one.text, { shortcodes: false });
    case "emoji":
      return emojiNamed(one.name);
    case "link":
      return link(one.url, one.text);
    case "user":
      return userMention(one.user_id);
    case "channel":
      return channelMention(one.channel_id);
    case "usergroup":
      return groupMention(one.usergroup_id);
    case "broadcast":
      return h("span", { class: "mention mention-all" }, `@${one.range}`);
    case "date":
      return dateNode(Number(one.timestamp), one.format || "{date}", {
        link: safeUrl(one.url),
        fallback: one.fallback,
      });
    case "color":
      return h(
        "span",
        { class: "rt-color" },
        h("i", { class: "swatch", style: { background: /^#[0-9a-f]{3,8}$/i.test(one.value) ? one.value : "none" } }),
        one.value,
      );
    case "team":
      return `@${one.team_id}`;
    default:
      return one.text || one.fallback || "";
  }
}
