// Where the options of each kind of select come from. Every option is {value, text, option?, hint?, user?}.

import * as api from "./api.js";
import { addressOf } from "./form.js";
import { h } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { channelName, isApp, quietly, store } from "./store.js";

/** A text object as one line of text, its :shortcodes: as characters: for where only text can stand. */
export function asText(object) {
  const text = typeof object === "string" ? object : object?.text || "";
  return text.replace(/:([a-z0-9_+'-]+):/g, (whole, code) => EMOJI.get(code) || whole);
}

const fromOption = (option) => ({
  value: option.value,
  text: asText(option.text),
  hint: asText(option.description),
  option,
});

/** Groups of options [{label, options}] from a list or from option groups. */
export function groupsOf(source) {
  if (source.option_groups)
    return source.option_groups.map((group) => ({
      label: asText(group.label),
      options: (group.options || []).map(fromOption),
    }));
  return [{ options: (source.options || []).map(fromOption) }];
}

const people = () =>
  store.data.people
    .filter((one) => !one.deleted)
    .map((one) => ({
      value: one.id,
      text: isApp(one.id) ? store.data.app.name : one.real_name || one.name,
      hint: one.name,
      user: one.id,
    }));

const asOption = (one) => ({
  value: one.id,
  text: one.kind === "dm" ? channelName(one) : `${one.kind === "private" ? "🔒 " : "#"}${one.name}`,
  user: one.kind === "dm" ? one.with : undefined,
});

const KINDS = { channel: "public", private: "private", dm: "im" };

function conversations(element) {
  const wanted = element.filter || {};
  return store.data.channels
    .filter((one) => !one.is_archived)
    .filter((one) => !wanted.include || wanted.include.includes(KINDS[one.kind]))
    .filter((one) => !(wanted.exclude_bot_users && one.kind === "dm" && isApp(one.with)))
    .filter((one) => !(wanted.exclude_external_shared_channels && one.is_ext_shared))
    .map(asOption);
}

const channels = () => store.data.channels.filter((one) => one.kind === "channel" && !one.is_archived).map(asOption);

/** "static", "external", "users", … of a select's type. */
export const kindOf = (element) => element.type.replace(/^multi_/, "").replace(/_select$/, "");

/** The options that need no question to the app. */
export function optionsOf(element) {
  switch (kindOf(element)) {
    case "users":
      return [{ options: people() }];
    case "channels":
      return [{ options: channels() }];
    case "conversations":
      return [{ options: conversations(element) }];
    case "static":
      return groupsOf(element);
    default:
      return [];
  }
}

/** Ask the app for an external select's options; null when it did not answer. */
export async function ask(surface, blockId, element, query) {
  const body = { ...addressOf(surface), block_id: blockId, action_id: element.action_id, query };
  const answer = await quietly(() => api.options(body));
  return answer.options || answer.option_groups ? groupsOf(answer) : null;
}

/** The options whose text has what was typed. */
export function matching(groups, query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return groups;
  return groups
    .map((group) => ({
      ...group,
      options: group.options.filter((one) => `${one.text} ${one.hint || ""}`.toLowerCase().includes(wanted)),
    }))
    .filter((group) => group.options.length);
}

/** What the app chose beforehand, as options. */
export function initialOptions(element) {
  const given = element.initial_options || (element.initial_option ? [element.initial_option] : null);
  if (given) return given.map(fromOption);
  const kind = kindOf(element);
  const singular = { users: "user", channels: "channel", conversations: "conversation" }[kind];
  if (!singular) return [];
  const ids = element[`initial_${kind}`] || (element[`initial_${singular}`] ? [element[`initial_${singular}`]] : []);
  const all = optionsOf(element)[0]?.options || [];
  return ids.map((id) => all.find((one) => one.value === id) || { value: id, text: id });
}

/** The half hours of a day, and whatever time was typed. */
export function times(query) {
  const all = Array.from({ length: 48 }, (_, index) =>
    timeOption(`${String(Math.floor(index / 2)).padStart(2, "0")}:${index % 2 ? "30" : "00"}`),
  );
  const typed = readTime(query);
  const found = query
    ? all.filter(
        (one) =>
          one.text.toLowerCase().replace(" ", "").startsWith(query.toLowerCase().replace(" ", "")) ||
          one.value.startsWith(query),
      )
    : all;
  if (typed && !found.some((one) => one.value === typed)) found.unshift(timeOption(typed));
  return [{ options: found }];
}

/** "14:05" as "2:05 PM". */
export function timeOption(value) {
  const [hour, minute] = value.split(":").map(Number);
  return { value, text: `${hour % 12 || 12}:${String(minute).padStart(2, "0")} ${hour < 12 ? "AM" : "PM"}` };
}

function readTime(query) {
  const found = query.trim().match(/^(\d{1,2})(?::?(\d{2}))?\s*([ap])?\.?m?\.?$/i);
  if (!found) return null;
  let hour = Number(found[1]);
  const minute = Number(found[2] || 0);
  if (found[3]) hour = (hour % 12) + (found[3].toLowerCase() === "p" ? 12 : 0);
  return hour < 24 && minute < 60 ? `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}` : null;
}

/** How an option looks in a list; `avatar` draws a person's picture. */
export const optionRow = (one, avatar) => [
  one.user && avatar(one.user, 20),
  h("span", { class: "option-text" }, one.text),
  one.hint && h("span", { class: "option-hint" }, one.hint),
];
