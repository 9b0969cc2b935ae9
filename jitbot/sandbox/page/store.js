// What the page knows: the last picture from the server (`store.data`), where the person is (`store.at`), and
// the loop that redraws after every change. All drawing is a function of these.

import * as api from "./api.js";

export const store = {
  data: null, // the last answer of GET /control/as/{user}
  offset: 0, // the server's clock minus this machine's, in seconds
  at: { channel: null, app: null, thread: null }, // app: "home" | "about" when the app's page is open
  unreadFrom: {}, // channel -> ts of the first message that was new when it was opened
  directory: "", // everything that names are made of, to see whether it has changed
  lost: false, // the stream is down
  drawers: new Set(), // called after every change
};

let scheduled = false;

/** Draw again soon; many changes in one turn cost one drawing. */
export function redraw() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const draw of store.drawers) {
      try {
        draw();
      } catch (error) {
        console.error(error); // the other parts of the page go on
      }
    }
  });
}

/** The server's time now, in seconds. */
export const now = () => Date.now() / 1000 + store.offset;

/**
 * Carry out a call whose failure is shown where it happened, and take back what Slack says of it beside the
 * conversation, so that nobody is told twice. The answer's `said` has those words.
 */
export async function quietly(call) {
  const before = new Set(store.data.notices.map((one) => one.id));
  const answer = await call();
  await refresh();
  const fresh = store.data.notices.filter((one) => !one.channel && !before.has(one.id));
  for (const one of fresh) await api.dismiss(one.id);
  if (fresh.length) await refresh();
  return { ...answer, said: fresh.map((one) => one.text).join(" ") };
}

let fetching = null;
let again = false;

/** Fetch the picture; calls during a fetch lead to exactly one more. */
export function refresh() {
  if (fetching) {
    again = true;
    return fetching;
  }
  fetching = (async () => {
    do {
      again = false;
      const data = await api.seen();
      if (data.team) accept(data);
      else if (data.ok === false && !store.data) store.failed = data;
    } while (again);
    fetching = null;
    redraw();
  })();
  return fetching;
}

// What has not changed stays the same object, so that long lists know what to draw again.
function share(before, data) {
  const { people, usergroups, channels, commands, shortcuts, app, me } = data;
  const names = channels.map((one) => [one.id, one.name, one.with, one.is_archived]);
  const directory = JSON.stringify([people, usergroups, names, commands, shortcuts, app, me]);
  if (directory !== store.directory) store.directory = directory;
  for (const [id, list] of Object.entries(data.messages)) {
    const known = new Map((before?.messages[id] || []).map((one) => [one.ts, one]));
    data.messages[id] = list.map((one) => {
      const old = known.get(one.ts);
      return old && JSON.stringify(old) === JSON.stringify(one) ? old : one;
    });
  }
}

function accept(data) {
  share(store.data, data);
  store.data = data;
  store.offset = data.now - Date.now() / 1000;
  store.failed = null;
}

const HIDDEN_POLL_MS = 5000;
let stream = null;

/**
 * Follow the server's stream. A browser opens six connections to one host at most, for all its tabs together, so a
 * tab nobody looks at gives its own back and asks now and then instead.
 */
export function follow() {
  const listen = () => {
    if (document.visibilityState === "visible" && !stream) open();
    else if (document.visibilityState !== "visible" && stream) {
      stream.close();
      stream = null;
    }
  };
  document.addEventListener("visibilitychange", () => {
    listen();
    refresh();
  });
  setInterval(() => !stream && refresh(), HIDDEN_POLL_MS);
  listen();
}

// The browser reconnects by itself, and we catch up when it does.
function open() {
  stream = new EventSource(api.streamUrl());
  stream.onmessage = () => refresh();
  stream.onopen = () => {
    if (store.lost) refresh();
    store.lost = false;
    redraw();
  };
  stream.onerror = () => {
    store.lost = true;
    redraw();
  };
}

export const me = () => store.data.me;
export const person = (id) => store.data.people.find((one) => one.id === id);
export const channel = (id) => store.data.channels.find((one) => one.id === id);
export const usergroup = (id) => store.data.usergroups.find((one) => one.id === id);
export const messages = (id) => store.data.messages[id] || [];
export const isApp = (user) => user === store.data.app.bot_user;
export const appDm = () => store.data.channels.find((one) => one.kind === "dm" && one.with === store.data.app.bot_user);

/** The name a person goes by. */
export function nameOf(id) {
  if (isApp(id)) return store.data.app.name;
  if (id === "USLACKBOT") return "Slackbot";
  const found = person(id);
  return found ? found.real_name || found.name : id;
}

/** The name of a channel or of a direct message's other end. */
export function channelName(one) {
  return one.kind === "dm" ? nameOf(one.with) : one.name;
}
