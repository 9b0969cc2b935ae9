// The markdown block: ordinary Markdown (headings, lists, tables, code, quotes, links), not Slack's mrkdwn.

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { inline as mrkdwnInline, link } from "./mrkdwn.js";

const FENCE = /^```/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const TASK = /^\[([ xX])\]\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;

/** Draw Markdown as blocks. */
export function markdown(text) {
  const lines = text.split("\n");
  const out = [];
  while (lines.length) out.push(...(take(lines) || []));
  return h("div", { class: "markdown" }, out);
}

function take(lines) {
  const line = lines[0];
  if (!line.trim()) return void lines.shift();
  if (FENCE.test(line)) return [fence(lines)];
  const heading = line.match(HEADING);
  if (heading) {
    lines.shift();
    return [
      h(`h${Math.min(6, heading[1].length + 2)}`, { class: `md-h md-h${heading[1].length}` }, inline(heading[2])),
    ];
  }
  if (RULE.test(line)) {
    lines.shift();
    return [h("hr", { class: "divider" })];
  }
  if (line.startsWith(">"))
    return [
      h(
        "blockquote",
        { class: "quote" },
        markdown(
          while_(lines, (one) => one.startsWith(">"))
            .map((one) => one.replace(/^> ?/, ""))
            .join("\n"),
        ),
      ),
    ];
  if (ITEM.test(line)) return items(while_(lines, (one) => ITEM.test(one) || /^\s{2,}\S/.test(one)));
  if (line.includes("|") && TABLE_RULE.test(lines[1] || "")) return [table(while_(lines, (one) => one.includes("|")))];
  return [h("p", null, brokenLines(while_(lines, (one) => one.trim() && !starts(one))))];
}

const starts = (line) =>
  FENCE.test(line) || HEADING.test(line) || RULE.test(line) || line.startsWith(">") || ITEM.test(line);

// Takes at least one line, so that a paragraph which looks like something else still ends.
function while_(lines, wanted) {
  const taken = [lines.shift()];
  while (lines.length && wanted(lines[0])) taken.push(lines.shift());
  return taken;
}

function fence(lines) {
  lines.shift();
  const code = [];
  while (lines.length && !FENCE.test(lines[0])) code.push(lines.shift());
  lines.shift();
  return h("pre", { class: "pre" }, code.join("\n"));
}

function items(lines) {
  return lines.map((line) => {
    const found = line.match(ITEM);
    if (!found) return h("div", { class: "md-item md-more" }, inline(line.trim()));
    const [, space, bullet, rest] = found;
    const task = rest.match(TASK);
    const mark = task
      ? h("input", { type: "checkbox", checked: task[1] !== " ", disabled: true, "aria-label": task[2] })
      : /\d/.test(bullet)
        ? bullet
        : "•";
    return h(
      "div",
      { class: "md-item", style: { "margin-left": `${Math.floor(space.length / 2) * 24}px` } },
      h("span", { class: "md-mark" }, mark),
      h("span", null, inline(task ? task[2] : rest)),
    );
  });
}

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function table([head, , ...rows]) {
  return h(
    "div",
    { class: "table-scroll" },
    h(
      "table",
      { class: "table" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          cells(head).map((cell) => h("th", { scope: "col" }, inline(cell))),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            cells(row).map((cell) => h("td", null, inline(cell))),
          ),
        ),
      ),
    ),
  );
}

const brokenLines = (lines) => lines.map((line, index) => [index ? h("br") : null, inline(line)]);

const INLINE =
  /`(?<code>[^`]+)`|!?\[(?<label>[^\]]*)\]\((?<url>[^)\s]+)\)|\*\*(?<bold>[^*]+(?:\*[^*]+\*[^*]*)*)\*\*|__(?<bold2>[^_]+)__|~~(?<strike>[^~]+)~~|(?<![\p{L}\p{N}])[*_](?<italic>[^*_\s](?:[^*_]*[^*_\s])?)[*_](?![\p{L}\p{N}])|(?<angle><[@#!][^<>]+>)|(?<bare>https?:\/\/[^\s<>]+[^\s<>.,;:!?)])/gu;

/** Draw the formatting within a line. */
export function inline(text) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    out.push(...withEmoji(text.slice(from, found.index)), span(found.groups));
    from = found.index + found[0].length;
  }
  out.push(...withEmoji(text.slice(from)));
  return out;
}

function span({ code, label, url, bold, bold2, strike, italic, angle, bare }) {
  if (code !== undefined) return h("code", { class: "code" }, code);
  if (url !== undefined) return link(url, label);
  if (bold ?? bold2) return h("b", null, inline(bold ?? bold2));
  if (strike) return h("s", null, inline(strike));
  if (italic) return h("i", null, inline(italic));
  if (angle) return mrkdwnInline(angle);
  return link(bare);
}
