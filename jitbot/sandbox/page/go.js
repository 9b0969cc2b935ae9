// Moving about: which channel, app page and thread are open, kept in the address so that a link leads back.

import * as api from "./api.js";
import { appDm, channel, messages, redraw, refresh, store } from "./store.js";

/** Write where we are into the address bar. */
function remember() {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of [
    ["channel", store.at.channel],
    ["app", store.at.app],
    ["thread", store.at.thread],
  ]) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  history.replaceState(null, "", `?${query}`);
}

/** Open a channel, by id. */
export function openChannel(id, thread = null) {
  const known = channel(id);
  if (!known) return;
  noteUnread(id);
  store.at = { channel: id, app: null, thread };
  store.narrowSidebar = false;
  remember();
  redraw();
  read(id);
}

// The line "New" stays where it was when the channel was opened, though reading clears the count at once.
function noteUnread(id) {
  const count = channel(id).unread || 0;
  const others = messages(id).filter(
    (one) => one.user !== store.data.me.id && !one.ephemeral && (!one.thread_ts || one.thread_ts === one.ts),
  );
  store.unreadFrom[id] = count ? others[Math.max(0, others.length - count)]?.ts : undefined;
}

/** Tell the server that this channel has been read. */
export async function read(id) {
  if (!channel(id)?.unread && !channel(id)?.mentions) return;
  await api.markRead(id);
  await refresh();
}

/** Open the direct messages with somebody; the first time, that makes them. */
export async function openConversation(user) {
  const found = () => store.data.channels.find((one) => one.kind === "dm" && one.with === user);
  if (!found()) {
    await api.markRead(user);
    await refresh();
  }
  if (found()) openChannel(found().id);
}

/** Open the app: its Home, its messages or what it says about itself. */
export async function openApp(tab = "home") {
  if (tab === "messages" && !appDm()) {
    await api.markRead(store.data.app.bot_user);
    await refresh();
  }
  const dm = appDm();
  if (tab === "messages" && dm) {
    noteUnread(dm.id);
    store.at = { channel: dm.id, app: "messages", thread: null };
  } else store.at = { channel: null, app: tab, thread: null };
  store.narrowSidebar = false;
  remember();
  redraw();
  if (tab === "messages" && dm) read(dm.id);
  if (tab === "home") api.openHome().then(refresh);
}

/** Open or close the thread beside the channel. */
export function openThread(ts) {
  store.at = { ...store.at, thread: ts };
  remember();
  redraw();
}

/** Show the message a permalink leads to, in its thread if it stands in one. */
export function openMessage(id, ts) {
  const one = messages(id).find((each) => each.ts === ts);
  openChannel(id, one?.thread_ts && one.thread_ts !== ts ? one.thread_ts : null);
  // After the drawing, and after the channel has gone to its newest message.
  setTimeout(() => {
    const row = document.querySelector(`.message[data-ts="${CSS.escape(ts)}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.classList.add("found");
  }, 50);
}

/** Become somebody else, in the same place. */
export function becomePerson(id) {
  const query = new URLSearchParams(location.search);
  query.set("as", id);
  query.delete("thread");
  location.search = query.toString();
}
