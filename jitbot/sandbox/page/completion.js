// What the composer suggests while one types: commands after "/", people after "@", channels after "#".

import { channel, isApp, nameOf, store } from "./store.js";

const MOST = 8;

/** The suggestions for a draft {text, caret}: [{kind, from, insert, title, usage?, more?, exact?}]. */
export function completions({ text, caret }, { channelId, threadTs }) {
  const before = text.slice(0, caret);
  if (/^\/[^\s/]*$/.test(before)) return threadTs ? [] : commands(before);
  const found = before.match(/(?:^|[\s(])([@#])([\p{L}\p{N}._-]*)$/u);
  if (!found) return [];
  const from = caret - found[2].length - 1;
  const wanted = found[2].toLowerCase();
  return (found[1] === "@" ? people(wanted, channelId) : channels(wanted))
    .slice(0, MOST)
    .map((one) => ({ ...one, from }));
}

function commands(typed) {
  return (store.data.commands || [])
    .filter((one) => one.command.toLowerCase().startsWith(typed.toLowerCase()))
    .slice(0, MOST)
    .map((one) => ({
      kind: "command",
      from: 0,
      insert: `${one.command} `,
      title: one.command,
      usage: one.usage_hint,
      more: one.description,
      user: store.data.app.bot_user,
      // The whole command stands there already: Return sends it.
      exact: one.command === typed,
    }));
}

function people(wanted, channelId) {
  const inside = new Set(channel(channelId)?.members || []);
  const groups = store.data.usergroups
    .filter((one) => one.handle.toLowerCase().startsWith(wanted))
    .map((one) => ({
      kind: "person",
      insert: `@${one.handle} `,
      title: `@${one.handle}`,
      more: one.name,
      glyph: "people",
    }));
  const found = store.data.people
    .filter((one) => !one.deleted)
    .filter((one) => one.name.toLowerCase().startsWith(wanted) || nameOf(one.id).toLowerCase().includes(wanted))
    .sort((a, b) => inside.has(b.id) - inside.has(a.id))
    .map((one) => ({
      kind: "person",
      insert: `@${one.name} `,
      title: nameOf(one.id),
      more: isApp(one.id) ? "App" : `@${one.name}${inside.has(one.id) ? "" : " · not in channel"}`,
      user: one.id,
    }));
  return [...found, ...groups];
}

function channels(wanted) {
  return store.data.channels
    .filter((one) => one.kind !== "dm" && one.name.toLowerCase().includes(wanted))
    .map((one) => ({
      kind: "channel",
      insert: `#${one.name} `,
      title: one.name,
      more: one.topic,
      glyph: one.kind === "private" ? "lock" : "hash",
    }));
}

/** The command whose arguments are being typed, for its usage hint. */
export function commandHint(text) {
  const found = text.match(/^(\/\S+)\s/);
  return found && (store.data.commands || []).find((one) => one.command === found[1] && one.usage_hint);
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Typed words as Slack sends them: its three escapes, and known @names and #channels as mentions. */
export function asSent(text) {
  return text
    .replace(/[&<>]/g, (one) => ESCAPES[one])
    .replace(/(^|[\s(])([@#])([\p{L}\p{N}._-]+)/gu, (whole, before, mark, name) => {
      // A full stop after a name is the sentence's.
      const bare = name.replace(/[._-]+$/, "");
      const mention = mark === "@" ? mentionOf(bare) : channelOf(bare);
      return mention ? `${before}${mention}${name.slice(bare.length)}` : whole;
    });
}

function mentionOf(name) {
  if (["here", "channel", "everyone"].includes(name)) return `<!${name}>`;
  const person = store.data.people.find((one) => one.name === name);
  if (person) return `<@${person.id}>`;
  const group = store.data.usergroups.find((one) => one.handle === name);
  return group && `<!subteam^${group.id}>`;
}

function channelOf(name) {
  const found = store.data.channels.find((one) => one.kind !== "dm" && one.name === name);
  return found && `<#${found.id}|${found.name}>`;
}
