// A channel's messages: grouping, day dividers, the "New" line, one message, and its toolbar.

import * as api from "./api.js";
import { blocks } from "./blocks.js";
import { dayOf, dividerOf, moment, time } from "./dates.js";
import { cx, h, lazy } from "./dom.js";
import { emojiNamed } from "./emoji.js";
import { failureOf, versionOf } from "./form.js";
import { openThread } from "./go.js";
import { icon } from "./icons.js";
import { attachments } from "./attachments.js";
import { mrkdwn, plainOf } from "./mrkdwn.js";
import { avatar, standing } from "./people.js";
import { openMenu } from "./popup.js";
import { channel, isApp, nameOf, now, person, redraw, refresh, store } from "./store.js";

const GROUP_SECONDS = 5 * 60;

/** Whether a message stands in the channel itself, not only in a thread. */
export const inChannel = (one) =>
  !one.thread_ts || one.thread_ts === one.ts || one.reply_broadcast || one.subtype === "thread_broadcast";

const firstSeen = new Map(); // notice id -> when we saw it first: notices do not say when they came

/** Notices of Slack itself as messages only this person sees. */
export const noticesOf = (id) =>
  store.data.notices
    .filter((one) => one.channel === id)
    .map((one) => {
      if (!firstSeen.has(one.id)) firstSeen.set(one.id, String(store.data.now));
      return { ts: firstSeen.get(one.id), user: "USLACKBOT", text: one.text, ephemeral: true, notice: one.id };
    });

/** Draw a list of messages; `newFrom` is the ts above which "New" stands. */
export function messageList(list, { channelId, newFrom, inThread = false }) {
  let before = null;
  return list.map((one) => {
    const day = dayOf(Number(one.ts));
    const fresh = !inThread && (!before || dayOf(Number(before.ts)) !== day);
    const isNew = newFrom && one.ts === newFrom;
    const joined = before && !fresh && !isNew && sameBreath(before, one);
    before = one;
    const key = one.notice || one.ts;
    return [
      fresh &&
        h(
          "div",
          { class: "day", role: "separator", key: `day-${day}` },
          h("span", { class: "day-label" }, dividerOf(Number(one.ts))),
        ),
      isNew && h("div", { class: "new-line", role: "separator", key: "new" }, h("span", null, "New")),
      lazy(
        `m-${key}`,
        [one, joined, inThread, store.directory, versionOf(`${channelId}:${one.ts}`), momentFor(one), repliesTo(one)],
        () => h("div", { role: "listitem", class: "message-slot" }, message(one, { channelId, joined, inThread })),
      ),
    ];
  });
}

// Elements with a life of their own (lists, folds, pages) are drawn every time; dates that count, every second.
const LIVELY = /"type":"(\w+_select|\w*picker|container|data_table)"/;
const COUNTING = /\{ago\}|_pretty\}/;
const kinds = new WeakMap();

function momentFor(one) {
  if (!kinds.has(one)) {
    const written = JSON.stringify(one);
    kinds.set(one, LIVELY.test(written) ? "lively" : COUNTING.test(written) ? "counting" : "still");
  }
  const kind = kinds.get(one);
  if (kind === "lively") return {};
  return kind === "counting" ? Math.floor(now()) : dayOf(now());
}

// The line under a message tells when its last reply came.
const repliesTo = (one) => (one.reply_count ? lastReply(one)?.ts : null);

function lastReply(one) {
  return (store.data.messages[store.at.channel] || []).findLast(
    (other) => other.thread_ts === one.ts && other.ts !== one.ts && !other.ephemeral,
  );
}

function sameBreath(before, one) {
  return (
    before.user === one.user &&
    Boolean(before.ephemeral) === Boolean(one.ephemeral) &&
    Number(one.ts) - Number(before.ts) < GROUP_SECONDS &&
    !before.reply_count
  );
}

/** One message; `joined` leaves out what the one before it already says. */
export function message(one, { channelId, joined, inThread }) {
  const surface = {
    key: `${channelId}:${one.ts}`,
    kind: "message",
    channel: channelId,
    ts: one.ts,
    place: inThread ? "thread-" : "",
  };
  const trouble = failureOf(surface);
  const words = plainOf(one.text || "");
  return h(
    "div",
    {
      class: cx("message", joined && "joined", one.ephemeral && "ephemeral"),
      "data-ts": one.ts,
      "data-channel": channelId,
      "data-notice": one.notice,
      role: "article",
      "aria-label": `${nameOf(one.user)}, ${time(Number(one.ts))}: ${words}`,
      tabindex: "-1",
    },
    one.ephemeral && onlyYou(one),
    h(
      "div",
      { class: "gutter" },
      joined
        ? h(
            "span",
            { class: "gutter-time", title: moment(Number(one.ts)) },
            time(Number(one.ts)).replace(/ [AP]M$/, ""),
          )
        : avatar(one.user, 36),
    ),
    h(
      "div",
      { class: "message-main" },
      !joined && messageHead(one),
      body(one, surface),
      trouble && h("div", { class: "message-trouble", role: "alert" }, icon("warning", 16), h("span", null, trouble)),
      reactions(one),
      !inThread && one.reply_count ? threadLine(one) : null,
    ),
    !one.ephemeral && toolbar(one, channelId, inThread),
  );
}

function onlyYou(one) {
  return h(
    "div",
    { class: "only-you" },
    icon("eye", 14),
    h("span", null, "Only visible to you"),
    h(
      "button",
      { type: "button", class: "link-button", onclick: () => api.dismiss(one.notice || one.ts).then(refresh) },
      "Dismiss message",
    ),
  );
}

function messageHead(one) {
  const app = isApp(one.user);
  const who = person(one.user);
  const outside = who && standing(who).find(([kind]) => kind === "external");
  return h(
    "div",
    { class: "message-head" },
    h("span", { class: "author" }, one.username || nameOf(one.user)),
    app && h("span", { class: "badge badge-app" }, "APP"),
    outside && h("span", { class: "badge badge-external" }, outside[1]),
    h(
      "time",
      { class: "stamp", datetime: new Date(Number(one.ts) * 1000).toISOString(), title: moment(Number(one.ts)) },
      time(Number(one.ts)),
    ),
  );
}

function body(one, surface) {
  const edited = one.edited && h("span", { class: "edited" }, "(edited)");
  const drawn = one.blocks?.length
    ? blocks(one.blocks, surface)
    : one.text
      ? h("div", { class: "message-text mrkdwn" }, mrkdwn(one.text), edited && " ", edited)
      : null;
  return [drawn, one.blocks?.length ? edited : null, attachments(one, surface), files(one)];
}

const files = (one) =>
  (one.files || []).map((each) =>
    h(
      "a",
      { class: "file", key: each.id, href: each.url_private_download, download: each.name },
      icon("file", 28),
      h(
        "span",
        null,
        h("b", null, each.title || each.name),
        h("span", { class: "card-subtitle" }, `${each.pretty_type} · ${sizeOf(each.size)} · Download`),
      ),
    ),
  );

const sizeOf = (bytes) => (bytes < 1000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`);

function reactions(one) {
  if (!one.reactions?.length) return null;
  return h(
    "div",
    { class: "reactions" },
    one.reactions.map((each) => {
      const names = (each.users || []).map(nameOf).join(", ");
      return h(
        "span",
        { class: "reaction", key: each.name, title: `${names} reacted with :${each.name}:` },
        emojiNamed(each.name),
        h("span", null, String(each.count ?? each.users?.length ?? 1)),
      );
    }),
  );
}

function threadLine(one) {
  const last = lastReply(one);
  return h(
    "button",
    { type: "button", class: "thread-line", onclick: () => openThread(one.ts) },
    h(
      "span",
      { class: "thread-faces" },
      (one.reply_users || []).slice(0, 4).map((user) => avatar(user, 24)),
    ),
    h("span", { class: "thread-count" }, `${one.reply_count} ${one.reply_count === 1 ? "reply" : "replies"}`),
    last &&
      h(
        "span",
        { class: "thread-last" },
        `Last reply ${dividerOf(Number(last.ts)).toLowerCase().startsWith("today") ? "today" : dividerOf(Number(last.ts))} at ${time(Number(last.ts))}`,
      ),
    h("span", { class: "thread-open" }, "View thread"),
  );
}

function toolbar(one, channelId, inThread) {
  const mine = (store.data.shortcuts || []).filter((each) => each.type === "message" || each.type === "message_action");
  if (inThread && !mine.length) return null;
  const archived = channel(channelId)?.is_archived;
  const items = () =>
    mine.map((each) => ({
      text: each.name,
      hint: store.data.app.name,
      before: avatar(store.data.app.bot_user, 20),
      run: () => runShortcut(each, channelId, one.ts),
    }));
  return h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Message actions" },
    !inThread &&
      !archived &&
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Reply in thread",
          title: "Reply in thread",
          onclick: () => openThread(one.thread_ts || one.ts),
        },
        icon("thread"),
      ),
    mine.length
      ? h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "More actions",
            title: "More actions",
            "aria-haspopup": "menu",
            onclick: (event) =>
              openMenu(`actions-${one.ts}`, event.currentTarget, items(), { label: "Message shortcuts" }),
          },
          icon("more"),
        )
      : null,
  );
}

/** Run a shortcut; what goes wrong is told at the bottom of the channel. */
export async function runShortcut(one, channelId, ts) {
  const answer = await api.shortcut({ callback_id: one.callback_id, channel: channelId, ts });
  if (!answer.ok || answer.acked === false) store.toast = answer.detail || "This app is not responding. Try again?";
  await refresh();
  redraw();
}
