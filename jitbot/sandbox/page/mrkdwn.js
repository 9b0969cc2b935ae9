// Slack's mrkdwn, read into elements: formatting, links, mentions, dates, code, quotes and emoji.

import { dateNode } from "./dates.js";
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { channel, channelName, isApp, me, nameOf, usergroup } from "./store.js";
import { openChannel, openMessage } from "./go.js";

/** Undo Slack's three escapes. */
export const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

/** Draw a text object: {type: "mrkdwn" | "plain_text", text, emoji?, verbatim?}. */
export function textObject(object) {
  if (!object) return [];
  if (typeof object === "string") return mrkdwn(object);
  if (object.type === "mrkdwn") return mrkdwn(object.text || "", { verbatim: object.verbatim });
  return lines(withEmoji(object.text || "", { shortcodes: object.emoji !== false }));
}

function lines(nodes) {
  return nodes.flatMap((node) => {
    if (typeof node !== "string" || !node.includes("\n")) return [node];
    return node.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
  });
}

/** Draw mrkdwn with its blocks (code, quotes) and lines. */
export function mrkdwn(text, options = {}) {
  const out = [];
  for (const [index, piece] of text.split(/```\n?([\s\S]+?)\n?```/).entries()) {
    if (index % 2) out.push(h("pre", { class: "pre" }, preText(piece)));
    else if (piece) out.push(...quotesAndLines(index ? piece.replace(/^\n/, "") : piece, options));
  }
  return out;
}

const QUOTE = /^(?:&gt;|>)(?!&gt;&gt;|>>) ?/;
const QUOTE_REST = /^(?:&gt;&gt;&gt;|>>>) ?/;

function quotesAndLines(text, options) {
  const out = [];
  let quoted = [];
  let plain = [];
  const flushPlain = () => {
    if (plain.length) out.push(...inline(plain.join("\n"), options));
    plain = [];
  };
  const flushQuote = () => {
    if (quoted.length) out.push(h("blockquote", { class: "quote" }, inline(quoted.join("\n"), options)));
    quoted = [];
  };
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    if (QUOTE_REST.test(line)) {
      flushPlain();
      quoted.push(line.replace(QUOTE_REST, ""), ...all.slice(index + 1));
      break;
    }
    if (QUOTE.test(line)) {
      flushPlain();
      quoted.push(line.replace(QUOTE, ""));
    } else {
      flushQuote();
      plain.push(line);
    }
  }
  flushPlain();
  flushQuote();
  return out;
}

// Order matters: what comes first wins where two could begin.
const BEFORE = "(?<![\\p{L}\\p{N}])";
const AFTER = "(?![\\p{L}\\p{N}])";
const span = (mark, name) =>
  `${BEFORE}[${mark}](?<${name}>[^\\s${mark}](?:[^\\n${mark}]*[^\\s${mark}])?)[${mark}]${AFTER}`;
const INLINE = new RegExp(
  [
    "<(?<angle>[^<>\\n]+)>",
    "`(?<code>[^`\\n]+)`",
    span("*", "bold"),
    span("_", "italic"),
    span("~", "strike"),
    "(?<url>https?:\\/\\/[^\\s<>|]+[^\\s<>|.,;:!?'\")\\]])",
  ].join("|"),
  "gu",
);

/** Draw mrkdwn within a line or several, without code blocks and quotes. */
export function inline(text, options = {}) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const drawn = drawSpan(found.groups, options);
    if (drawn === null) continue;
    out.push(...plainText(text.slice(from, found.index)), drawn);
    from = found.index + found[0].length;
  }
  out.push(...plainText(text.slice(from)));
  return out;
}

function drawSpan(groups, options) {
  if (groups.angle !== undefined) return angle(groups.angle);
  if (groups.code !== undefined) return h("code", { class: "code" }, preText(groups.code));
  if (groups.bold !== undefined) return h("b", null, inline(groups.bold, options));
  if (groups.italic !== undefined) return h("i", null, inline(groups.italic, options));
  if (groups.strike !== undefined) return h("s", null, inline(groups.strike, options));
  return options.verbatim ? null : link(unescape(groups.url));
}

const plainText = (text) => lines(withEmoji(unescape(text)));

// Code shows everything as typed, but Slack still resolves links and mentions in it to their text.
function preText(text) {
  return unescape(
    text.replace(/<([^<>\n]+)>/g, (whole, inner) => {
      const [target, label] = cut(inner, "|");
      if (/^[@#!]/.test(target)) return plainMention(target, label);
      return label || target;
    }),
  );
}

function plainMention(target, label) {
  if (target[0] === "@") return `@${nameOf(target.slice(1))}`;
  if (target[0] === "#") return `#${label || channel(target.slice(1))?.name || target.slice(1)}`;
  return label || target.slice(1);
}

function cut(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function angle(inner) {
  const [target, label] = cut(inner, "|");
  if (target[0] === "@") return userMention(target.slice(1), label);
  if (target[0] === "#") return channelMention(target.slice(1), label);
  if (target[0] === "!") return special(target.slice(1), label);
  return link(unescape(target), label === undefined ? undefined : unescape(label));
}

function special(target, label) {
  const [kind, ...rest] = target.split("^");
  if (kind === "date") {
    return dateNode(Number.parseInt(rest[0], 10), unescape(rest[1] || ""), {
      link: safeUrl(rest[2]),
      fallback: label === undefined ? undefined : unescape(label),
    });
  }
  if (kind === "subteam") return groupMention(rest[0], label);
  if (["here", "channel", "everyone"].includes(kind)) return h("span", { class: "mention mention-all" }, `@${kind}`);
  return h("span", { class: "mention" }, unescape(label || `<${kind}>`));
}

/** @Name; the viewer's own is marked, as Slack marks it. */
export function userMention(id, label) {
  const mine = id === me().id;
  const name = nameOf(id) === id && label ? label : nameOf(id);
  return h(
    "span",
    { class: mine ? "mention mention-me" : "mention", "data-user": id, title: isApp(id) ? "App" : undefined },
    `@${name}`,
  );
}

/** #channel as a link to it. */
export function channelMention(id, label) {
  const known = channel(id);
  if (!known) return h("span", { class: "mention" }, label ? `#${label}` : "#unknown-channel");
  return h(
    "button",
    { type: "button", class: "mention mention-channel", onclick: () => openChannel(id) },
    `${known.kind === "dm" ? "@" : "#"}${channelName(known)}`,
  );
}

/** @handle of a user group. */
export function groupMention(id, label) {
  const group = usergroup(id);
  const mine = group?.users?.includes(me().id);
  const handle = group ? group.handle : (label || id).replace(/^@/, "");
  return h("span", { class: mine ? "mention mention-me" : "mention", title: group?.name }, `@${handle}`);
}

/** The URL if a browser may follow it, else undefined: no javascript: from a message. */
export function safeUrl(url) {
  return url && /^(https?:|mailto:|tel:|slack:)/i.test(url) ? url : undefined;
}

// A message's permalink, ours or as Slack writes it, leads to the message in this page.
function placeOf(href) {
  const found = href.match(/^https?:\/\/([^/]+)\/archives\/(\w+)\/p(\d{10})(\d{6})/);
  if (!found || !(found[1] === location.host || found[1].endsWith(".slack.com"))) return null;
  return channel(found[2]) ? { channel: found[2], ts: `${found[3]}.${found[4]}` } : null;
}

/** A link that opens elsewhere. */
export function link(url, label) {
  const shown = withEmoji(label || url.replace(/^(mailto|tel):/, ""));
  const href = safeUrl(url);
  if (!href) return h("span", null, label ? shown : `<${url}>`);
  const place = placeOf(href);
  const stay = (event) => {
    event.preventDefault();
    openMessage(place.channel, place.ts);
  };
  return h(
    "a",
    { class: "link", href, target: "_blank", rel: "noopener noreferrer", onclick: place ? stay : undefined },
    shown,
  );
}

/** mrkdwn as plain words: for names that screen readers and lists speak. */
export function plainOf(text) {
  return preText(text.replace(/<!date\^[^>|]*\|([^>]*)>/g, "$1").replace(/```/g, ""))
    .replace(/\s+/g, " ")
    .trim();
}
