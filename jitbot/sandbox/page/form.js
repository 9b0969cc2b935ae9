// What people have filled in, per surface (a form, a message, the app's Home), kept apart from the drawing: an
// update from the app replaces the drawing and leaves what was typed where block and action are the same.

import * as api from "./api.js";
import { quietly, redraw } from "./store.js";

const filled = new Map(); // surface key -> Map("block\naction" -> {value, options, block, action})
const pending = new Set(); // "surface\nblock\naction" of what has been pressed and not yet acknowledged
const failures = new Map(); // surface key -> sentence
const errors = new Map(); // view id -> {block_id: sentence}
const seenErrors = new Map(); // view id -> the server's errors taken over so far

const versions = new Map(); // surface key -> how often what is kept of it has changed

/** A number that changes whenever a surface must be drawn again because of what is kept here. */
export const versionOf = (surfaceKey) => versions.get(surfaceKey) || 0;

const changed = (surface) => versions.set(surface.key, versionOf(surface.key) + 1);

const name = (block, action) => `${block}\n${action}`;

/** Keep a value; `options` are the chosen options of a select, for their texts. */
export function hold(surface, block, action, value, options) {
  if (!filled.has(surface.key)) filled.set(surface.key, new Map());
  filled.get(surface.key).set(name(block, action), { value, options, block, action });
  changed(surface);
  const wrong = errors.get(surface.key);
  if (wrong?.[block]) delete wrong[block];
  redraw();
}

export const held = (surface, block, action) => filled.get(surface.key)?.get(name(block, action));

/** The value as it stands: what was filled in, else what the app put there. */
export function valueOf(surface, block, element) {
  const kept = held(surface, block, element.action_id);
  return kept ? kept.value : initialOf(element);
}

const INITIAL = [
  "initial_value",
  "initial_date",
  "initial_time",
  "initial_date_time",
  "initial_user",
  "initial_channel",
  "initial_conversation",
  "initial_users",
  "initial_channels",
  "initial_conversations",
];

/** What the app filled in, as a plain value. */
export function initialOf(element) {
  if (element.initial_option) return element.initial_option.value;
  if (element.initial_options) return element.initial_options.map((option) => option.value);
  const found = INITIAL.find((field) => element[field] !== undefined && element[field] !== null);
  if (!found) return null;
  return found === "initial_value" && typeof element[found] === "object"
    ? plainRichText(element[found])
    : element[found];
}

function plainRichText(block) {
  if (block.text !== undefined) return block.text;
  return (block.elements || []).map(plainRichText).join(block.type === "rich_text" ? "\n" : "");
}

/** Everything a surface shows as filled in, in the control API's form: what one sees is what is sent. */
export function stateOf(surface) {
  const state = {};
  for (const block of surface.blocks || []) {
    const started = block.type === "input" ? initialOf(block.element) : null;
    if (started !== null) state[block.block_id] = { [block.element.action_id]: started };
  }
  for (const { block, action, value } of filled.get(surface.key)?.values() || []) {
    state[block] = { ...state[block], [action]: value };
  }
  return state;
}

/** Forget forms that are gone. */
export function forgetForms(views) {
  const alive = new Set(views.map((view) => view.id));
  for (const key of filled.keys()) if (key.startsWith("V") && !alive.has(key.split(" ")[0])) drop(key);
  for (const key of errors.keys()) if (!alive.has(key)) drop(key);
}

function drop(key) {
  for (const map of [filled, failures, errors, seenErrors]) map.delete(key);
}

/** Errors under a form's fields; the server's are taken over once each time they change. */
export function errorsOf(view) {
  const theirs = JSON.stringify(view.errors || {});
  if (seenErrors.get(view.id) !== theirs) {
    seenErrors.set(view.id, theirs);
    errors.set(view.id, { ...view.errors });
  }
  return errors.get(view.id) || {};
}

export function setErrors(viewId, found) {
  errors.set(viewId, { ...found });
  redraw();
}

export const failureOf = (surface) => failures.get(surface.key);

export function setFailure(surface, sentence) {
  if (sentence) failures.set(surface.key, sentence);
  else failures.delete(surface.key);
  changed(surface);
  redraw();
}

export const isPending = (surface, block, action) => pending.has(`${surface.key}\n${name(block, action)}`);

/** Where a call about this surface is addressed. */
export const addressOf = (surface) =>
  surface.viewId ? { view_id: surface.viewId } : { channel: surface.channel, ts: surface.ts };

const TROUBLE = "We had some trouble connecting. Try again?";

/** Send a press or a choice to the app and wait for its ack. */
export async function send(surface, block, action, value) {
  const id = `${surface.key}\n${name(block, action)}`;
  pending.add(id);
  setFailure(surface, null); // this draws the spinner too
  const body = { ...addressOf(surface), block_id: block, action_id: action, value, state: stateOf(surface) };
  const answer = await quietly(() => api.click(body));
  pending.delete(id);
  setFailure(surface, failed(surface, answer));
  redraw();
  return answer;
}

function failed(surface, answer) {
  if (answer.ok && answer.acked !== false) return null;
  if (answer.acked === undefined) return api.reason(answer);
  // In a channel Slackbot says it already.
  return surface.kind === "message" ? null : TROUBLE;
}

/** Send a form. */
export async function submitForm(view, surface) {
  const id = `${surface.key}\n${name("", "submit")}`;
  if (pending.has(id)) return;
  pending.add(id);
  setFailure(surface, null);
  const answer = await quietly(() => api.submit(view.id, stateOf(surface)));
  pending.delete(id);
  if (answer.errors && Object.keys(answer.errors).length) setErrors(view.id, answer.errors);
  else if (!answer.ok || answer.acked === false)
    setFailure(surface, answer.acked === undefined && answer.detail ? answer.detail : TROUBLE);
  redraw();
}
