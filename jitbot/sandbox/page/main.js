// The start: who we are and where, the first picture, the stream, the keyboard, and drawing it all.

import * as api from "./api.js";
import { firstPlace, pane, threadPane } from "./channel.js";
import { drawer, openDrawer } from "./drawer.js";
import { h, patch } from "./dom.js";
import { openApp, openChannel, openMessage, read } from "./go.js";
import { drawDialogs } from "./modal.js";
import { actors } from "./people.js";
import { startPopups } from "./popup.js";
import { sidebar, topBar } from "./sidebar.js";
import { channel, channelName, follow, messages, nameOf, redraw, refresh, store } from "./store.js";
import { openSwitcher } from "./switcher.js";
import { startTheme } from "./theme.js";

const query = new URLSearchParams(location.search);

const LAST_PERSON = "local-slack-person";

// A permalink does not say as whom to look: whoever looked last looks again.
async function firstPerson() {
  const people = (await api.workspace()).people || [];
  const could = people.filter((one) => !one.is_bot && !one.deleted);
  return (could.find((one) => one.id === localStorage.getItem(LAST_PERSON)) || could[0])?.id;
}

function draw() {
  const root = document.getElementById("app");
  if (!store.data) {
    if (store.failed)
      patch(root, [
        h(
          "div",
          { class: "fatal", role: "alert" },
          h("h1", null, "Local Slack"),
          h("p", null, api.reason(store.failed)),
          h("p", null, h("a", { class: "link", href: "/" }, "Start over")),
        ),
      ]);
    return;
  }
  if (!store.at.app && !channel(store.at.channel))
    store.at = { channel: firstPlace(), app: store.at.app, thread: null };
  patch(root, [
    h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to messages"),
    topBar(),
    h(
      "div",
      { class: threadPane() ? "frame with-thread" : "frame", id: "main" },
      sidebar(),
      store.narrowSidebar && h("div", { class: "shade", onclick: () => ((store.narrowSidebar = false), redraw()) }),
      pane(),
      threadPane(),
      drawer(),
    ),
  ]);
  drawDialogs();
  document.title = title();
}

function skip(event) {
  event.preventDefault();
  document.querySelector(".scroller, .home")?.focus();
}

function title() {
  const { team, app, me, channels } = store.data;
  const one = channel(store.at.channel);
  const place = store.at.app ? app.name : one ? channelName(one) : "";
  const mentions = channels.reduce((sum, each) => sum + (each.mentions || 0), 0);
  return `${mentions ? `(${mentions}) ` : ""}${place} - ${team.name} - ${nameOf(me.id)} - Local Slack`;
}

let spoken = null; // the last message a screen reader was told of

function speakNews() {
  const list = store.data ? messages(store.at.channel) : [];
  const last = list[list.length - 1];
  const place = store.at.channel;
  if (spoken?.place === place && last && last.ts > spoken.ts && last.user !== store.data.me.id) {
    document.getElementById("live").textContent = `New message from ${nameOf(last.user)}`;
  }
  spoken = { place, ts: last?.ts || "" };
}

// Reading is seeing: what comes in while the channel is on the screen counts as read.
function readWhatIsSeen() {
  const one = store.data && channel(store.at.channel);
  if (one?.unread && !store.away && document.visibilityState === "visible") read(one.id);
}

const TYPING = "input,textarea,select,[contenteditable]";

function shortcuts(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (store.data && !store.data.modals.length) openSwitcher();
  } else if (event.key === "?" && !event.target.matches?.(TYPING)) {
    event.preventDefault();
    openDrawer();
  } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  }
}

function step(by) {
  const rows = [...document.querySelectorAll(".side-row")];
  const at = rows.findIndex((row) => row.classList.contains("open"));
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.click();
}

/** Dates that count ("3 minutes ago") are drawn again while they are on the screen. */
function count() {
  if (store.data && document.visibilityState === "visible" && document.querySelector("[data-counting], .drawer"))
    redraw();
}

async function start() {
  startTheme();
  const person = query.get("as") || (await firstPerson());
  localStorage.setItem(LAST_PERSON, person);
  api.actAs(person);
  store.at = { channel: query.get("channel"), app: query.get("app"), thread: query.get("thread") };
  store.drawers.add(draw);
  store.drawers.add(readWhatIsSeen);
  store.drawers.add(speakNews);
  startPopups();
  await refresh();
  if (!store.data) return redraw();
  if (!query.get("as") && actors().length)
    history.replaceState(null, "", `?as=${person}${location.search.slice(1) && `&${location.search.slice(1)}`}`);
  if (store.at.app) openApp(store.at.app);
  else openChannel(channel(store.at.channel) ? store.at.channel : firstPlace(), store.at.thread);
  follow();
  if (query.get("ts")) openMessage(store.at.channel, query.get("ts"));
  document.addEventListener("keydown", shortcuts);
  setInterval(count, 1000);
  redraw();
}

start();
