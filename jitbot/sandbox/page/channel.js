// The middle: a channel's header, its messages and what one writes; and the thread beside it.

import * as api from "./api.js";
import { composer } from "./composer.js";
import { h } from "./dom.js";
import { openApp, openThread, read } from "./go.js";
import { aboutTab, appHeader, homeTab } from "./home.js";
import { icon } from "./icons.js";
import { inChannel, message, messageList, noticesOf } from "./messages.js";
import { inline } from "./mrkdwn.js";
import { avatar, badges } from "./people.js";
import { openMenu } from "./popup.js";
import { appDm, channel, channelName, me, messages, nameOf, person, redraw, refresh, store } from "./store.js";

const byTime = (a, b) => Number(a.ts) - Number(b.ts);

/** The pane of whatever is open. */
export function pane() {
  const { at } = store;
  if (at.app === "home") return h("main", { class: "pane", key: "home" }, appHeader(), homeTab(), strayNotices());
  if (at.app === "about") return h("main", { class: "pane", key: "about" }, appHeader(), aboutTab());
  const one = channel(at.channel);
  if (!one)
    return h(
      "main",
      { class: "pane", key: "none" },
      h("div", { class: "home-empty" }, h("h2", null, "Nothing open"), h("p", null, "Choose a channel on the left.")),
    );
  const app = one.id === appDm()?.id;
  return h(
    "main",
    { class: "pane", key: one.id, "data-channel": one.id },
    app ? appHeader() : channelHeader(one),
    scroller(one),
    strayNotices(),
    foot(one),
  );
}

function channelHeader(one) {
  const other = one.kind === "dm" && person(one.with);
  const people = one.members || [];
  const items = () => [
    { heading: `${people.length} members` },
    ...people.map((id) => ({
      before: avatar(id, 24),
      text: [nameOf(id), " ", person(id) ? badges(person(id)) : null],
      run: () => {},
    })),
  ];
  return h(
    "header",
    { class: "pane-head" },
    h(
      "div",
      { class: "pane-title" },
      one.kind === "dm"
        ? avatar(one.with, 24)
        : icon(one.is_archived ? "archive" : one.kind === "private" ? "lock" : "hash", 20),
      h("h1", { class: "pane-name" }, channelName(one)),
      other && badges(other),
      one.is_ext_shared && h("span", { class: "badge badge-external" }, "Shared"),
      one.topic && h("span", { class: "topic", title: one.topic }, inline(one.topic)),
    ),
    one.kind !== "dm" &&
      h(
        "button",
        {
          type: "button",
          class: "members",
          "aria-label": `${people.length} members`,
          "aria-haspopup": "menu",
          onclick: (event) => openMenu("members", event.currentTarget, items(), { label: "Members" }),
        },
        h(
          "span",
          { class: "faces" },
          people.slice(0, 3).map((id) => avatar(id, 20)),
        ),
        String(people.length),
      ),
  );
}

const AT_BOTTOM_PX = 40;

// Follow the newest message while the person is at the bottom, and stay put while they read further up.
function follow(box) {
  if (box.$away) return;
  box.scrollTop = box.scrollHeight;
}

function scroller(one) {
  const list = [...messages(one.id).filter(inChannel), ...noticesOf(one.id)].sort(byTime);
  const last = list[list.length - 1]?.ts;
  return h(
    "div",
    { class: "pane-body", key: "body" },
    h(
      "div",
      {
        class: "scroller",
        key: "scroller",
        tabindex: "0",
        onscroll: (event) => {
          const box = event.currentTarget;
          const away = box.scrollHeight - box.scrollTop - box.clientHeight > AT_BOTTOM_PX;
          if (box.$away === away) return;
          box.$away = away;
          box.$lastSeen = last;
          store.away = away ? last : null;
          redraw();
          if (!away) read(one.id);
        },
        patched: follow,
        created: () => (store.away = null),
      },
      h("div", { class: "filler" }),
      h("div", { class: "beginning", key: "beginning" }, beginning(one)),
      h(
        "div",
        { role: "list", class: "message-list", "aria-label": `Messages in ${channelName(one)}`, key: "list" },
        messageList(list, { channelId: one.id, newFrom: store.unreadFrom[one.id] }),
      ),
    ),
    store.away &&
      last > store.away &&
      h(
        "button",
        {
          type: "button",
          class: "new-pill",
          key: "pill",
          onclick: (event) => (event.currentTarget.parentNode.querySelector(".scroller").scrollTop = 1e9),
        },
        "New messages",
      ),
  );
}

function beginning(one) {
  const name = channelName(one);
  if (one.kind === "dm")
    return [
      h("h2", null, name),
      h("p", null, "This conversation is just between you and ", h("span", { class: "mention" }, `@${name}`), "."),
    ];
  return [
    h("h2", null, icon(one.kind === "private" ? "lock" : "hash", 26), name),
    h("p", null, `This is the very beginning of the ${one.kind === "private" ? "private " : ""}channel.`),
  ];
}

function foot(one) {
  const why = closedBecause(one);
  if (why) return h("div", { class: "foot-note", key: "foot", role: "note" }, why);
  return h(
    "div",
    { class: "foot", key: "foot" },
    composer({ channelId: one.id, label: `Message ${one.kind === "dm" ? "" : "#"}${channelName(one)}` }),
  );
}

function closedBecause(one) {
  if (me().deleted) return [h("b", null, "This account is deactivated."), " Slack refuses whatever it tries."];
  if (one.is_archived) return ["You are viewing ", h("b", null, `#${one.name}`), ", an archived channel."];
  if (one.is_member === false)
    return ["You are viewing ", h("b", null, `#${one.name}`), ". You have not joined this channel."];
  return null;
}

// What Slack says without a channel to say it in.
function strayNotices() {
  const all = store.data.notices.filter((one) => !one.channel);
  const toast = store.toast && { id: "toast", text: store.toast };
  const shown = [...all, toast].filter(Boolean);
  if (!shown.length) return null;
  return h(
    "div",
    { class: "strays", key: "strays" },
    shown.map((one) => stray(one)),
  );
}

function stray(one) {
  const gone = async () => {
    if (one.id === "toast") store.toast = null;
    else await api.dismiss(one.id).then(refresh);
    redraw();
  };
  return h(
    "div",
    { class: "stray", role: "alert", key: one.id },
    icon("warning", 18),
    h("span", null, inline(one.text)),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: gone }, icon("close", 16)),
  );
}

/** The thread pane, or nothing. */
export function threadPane() {
  const { channel: id, thread } = store.at;
  const one = id && channel(id);
  if (!thread || !one) return null;
  const all = messages(id);
  const root = all.find((each) => each.ts === thread);
  const replies = all.filter((each) => each.thread_ts === thread && each.ts !== thread).sort(byTime);
  const spoken = replies.filter((each) => !each.ephemeral).length;
  return h(
    "aside",
    { class: "pane thread", key: `thread-${thread}`, "aria-label": "Thread", "data-thread": thread },
    h(
      "header",
      { class: "pane-head" },
      h(
        "div",
        { class: "pane-title" },
        h("h2", { class: "pane-name" }, "Thread"),
        h("span", { class: "topic" }, one.kind === "dm" ? channelName(one) : `#${one.name}`),
      ),
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": "Close thread", onclick: () => openThread(null) },
        icon("close"),
      ),
    ),
    h(
      "div",
      { class: "pane-body" },
      h(
        "div",
        {
          class: "scroller",
          patched: follow,
          onscroll: (event) =>
            (event.currentTarget.$away =
              event.currentTarget.scrollHeight - event.currentTarget.scrollTop - event.currentTarget.clientHeight >
              AT_BOTTOM_PX),
          tabindex: "0",
        },
        root
          ? message(root, { channelId: id, inThread: true })
          : h("p", { class: "home-empty" }, "This message is not there any more."),
        spoken
          ? h("div", { class: "reply-count" }, h("span", null, `${spoken} ${spoken === 1 ? "reply" : "replies"}`))
          : null,
        h(
          "div",
          { role: "list", class: "message-list", "aria-label": "Replies" },
          messageList(replies, { channelId: id, inThread: true }),
        ),
      ),
    ),
    closedBecause(one)
      ? h("div", { class: "foot-note", role: "note" }, closedBecause(one))
      : h("div", { class: "foot" }, composer({ channelId: id, threadTs: thread, label: "Reply…" })),
  );
}

/** Open what a stale link or a changed membership left without a place. */
export function firstPlace() {
  const { channels } = store.data;
  const wanted =
    channels.find((one) => one.kind !== "dm" && one.is_member !== false && !one.is_archived) || channels[0];
  if (!wanted) openApp("home");
  return wanted?.id || null;
}
