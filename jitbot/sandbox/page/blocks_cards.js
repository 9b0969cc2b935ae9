// The blocks that frame others: cards, carousels, containers, alerts, plans and tasks, videos and files.

import { cx, h } from "./dom.js";
import { element } from "./elements.js";
import { icon } from "./icons.js";
import { link, safeUrl, textObject } from "./mrkdwn.js";
import { picture } from "./picture.js";
import { richText } from "./richtext.js";
import { redraw } from "./store.js";

const folded = new Map(); // "surface\nblock" -> whether the person folded a container

const plain = (text) => (typeof text === "string" ? textObject({ type: "plain_text", text }) : textObject(text));

function head(block) {
  if (!block.title && !block.subtitle && !block.rich_text_title && !block.icon) return null;
  return h(
    "div",
    { class: "card-head" },
    block.icon && picture(block.icon, "card-icon"),
    h(
      "div",
      null,
      block.rich_text_title
        ? richText(block.rich_text_title)
        : block.title && h("div", { class: "card-title" }, plain(block.title)),
      block.subtitle && h("div", { class: "card-subtitle" }, plain(block.subtitle)),
    ),
  );
}

function card(block, surface) {
  return h(
    "div",
    { class: "card" },
    block.hero_image && picture(block.hero_image, "image"),
    head(block),
    block.body && h("div", { class: "card-body mrkdwn" }, plain(block.body)),
    block.actions?.length
      ? h(
          "div",
          { class: "actions" },
          block.actions.map((one) => element(one, { surface, block })),
        )
      : null,
  );
}

const carousel = (block, surface) =>
  h(
    "div",
    { class: "carousel", role: "group", "aria-label": "Cards", tabindex: "0" },
    (block.elements || []).map((one, index) =>
      h("div", { key: index, "data-block-id": one.block_id }, card(one, surface)),
    ),
  );

const container = (drawBlock) => (block, surface, errors) => {
  const key = `${surface.key}\n${block.block_id}`;
  const closed = block.is_collapsible && (folded.get(key) ?? block.default_collapsed);
  const toggle = () => {
    folded.set(key, !closed);
    redraw();
  };
  return h(
    "div",
    { class: cx("container", `container-${block.width || "standard"}`) },
    h(
      "div",
      { class: cx("container-head", block.has_header_divider && "lined") },
      head(block),
      block.is_collapsible &&
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-expanded": String(!closed),
            "aria-label": closed ? "Show more" : "Show less",
            onclick: toggle,
          },
          icon(closed ? "caret" : "up"),
        ),
    ),
    !closed &&
      (block.child_blocks || []).map((child, index) =>
        h(
          "div",
          { class: `block block-${child.type}`, key: child.block_id || index, "data-block-id": child.block_id },
          drawBlock(child, surface, errors),
        ),
      ),
  );
};

const LEVELS = { default: "info", info: "info", warning: "warning", error: "warning", success: "check" };

function alert(block) {
  const level = LEVELS[block.level] ? block.level : "default";
  return h(
    "div",
    { class: `alert alert-${level}`, role: level === "error" ? "alert" : "note" },
    icon(LEVELS[level], 18),
    h("div", { class: "mrkdwn" }, plain(block.text)),
  );
}

const STATUS = {
  pending: ["○", "Pending"],
  in_progress: ["", "In progress"],
  complete: ["✓", "Complete"],
  error: ["!", "Error"],
};

function task(block) {
  const [mark, words] = STATUS[block.status] || STATUS.pending;
  return h(
    "div",
    { class: `task task-${block.status || "pending"}` },
    h("span", { class: "task-mark", role: "img", "aria-label": words }, mark || h("span", { class: "spinner" })),
    h(
      "div",
      { class: "task-main" },
      h("div", { class: "task-title" }, plain(block.title)),
      block.details && richText(block.details),
      block.output && richText(block.output),
      block.sources?.length
        ? h(
            "div",
            { class: "task-sources" },
            block.sources.map((source) => link(source.url, source.text)),
          )
        : null,
    ),
  );
}

const plan = (block) =>
  h(
    "div",
    { class: "plan" },
    h("div", { class: "card-title" }, plain(block.title)),
    (block.tasks || []).map((one, index) => h("div", { key: one.task_id || index }, task(one))),
  );

function video(block) {
  const href = safeUrl(block.title_url) || safeUrl(block.video_url);
  return h(
    "div",
    { class: "card video" },
    h("div", { class: "card-subtitle" }, [block.provider_name, block.author_name].filter(Boolean).join(" · ")),
    h(
      "div",
      { class: "card-title" },
      icon("play", 16),
      " ",
      href
        ? h("a", { class: "link", href, target: "_blank", rel: "noopener noreferrer" }, plain(block.title))
        : plain(block.title),
    ),
    block.description && h("div", { class: "card-body" }, plain(block.description)),
    block.thumbnail_url && picture({ image_url: block.thumbnail_url, alt_text: block.alt_text }),
  );
}

function file(block) {
  const shown = block.file || {};
  const href = safeUrl(shown.permalink || shown.external_url);
  const title = shown.title || shown.name || block.external_id;
  return h(
    "div",
    { class: "file" },
    icon("file", 28),
    h(
      "div",
      null,
      href ? link(href, title) : h("b", null, title),
      h("div", { class: "card-subtitle" }, shown.pretty_type || "File"),
    ),
  );
}

/** The drawings by type; `drawBlock` draws what a container holds. */
export const cards = (drawBlock) => ({
  card,
  carousel,
  container: container(drawBlock),
  alert,
  plan,
  task_card: task,
  video,
  file,
});
