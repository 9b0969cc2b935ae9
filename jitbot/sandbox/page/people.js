// People as they are shown: pictures, names and what is special about them.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { isApp, nameOf, person, store } from "./store.js";

const COLOURS = ["#2d6cc0", "#b0518f", "#3a7d44", "#a8632a", "#6a51a3", "#1d7d84", "#b5475d", "#5b6b2f"];

function colourOf(one, id) {
  if (one?.color && /^#?[0-9a-f]{6}$/i.test(one.color)) return `#${one.color.replace("#", "")}`;
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 997;
  return COLOURS[sum % COLOURS.length];
}

const initialsOf = (name) =>
  name
    .split(/[\s._-]+/)
    .slice(0, 2)
    .map((word) => [...word][0] || "")
    .join("")
    .toUpperCase();

/** The square picture of a person or of the app; decoration, the name stands beside it. */
export function avatar(id, size = 36) {
  const style = { width: `${size}px`, height: `${size}px`, "font-size": `${Math.max(8, Math.round(size * 0.4))}px` };
  if (isApp(id))
    return h(
      "span",
      { class: "avatar avatar-app", style, "aria-hidden": "true" },
      icon("bolt", Math.round(size * 0.6)),
    );
  if (id === "USLACKBOT")
    return h(
      "span",
      { class: "avatar avatar-slackbot", style, "aria-hidden": "true" },
      icon("smile", Math.round(size * 0.7)),
    );
  const one = person(id);
  const name = nameOf(id);
  return h(
    "span",
    {
      class: one?.deleted ? "avatar gone" : "avatar",
      style: { ...style, background: colourOf(one, id) },
      "aria-hidden": "true",
    },
    one?.initials || initialsOf(name),
  );
}

/** What a person is besides a member: guest, from elsewhere, deactivated, … */
export function standing(one) {
  const found = [];
  if (one.deleted) found.push(["deactivated", "Deactivated"]);
  if (one.is_ultra_restricted) found.push(["guest", "Single-channel guest"]);
  else if (one.is_restricted) found.push(["guest", "Guest"]);
  if (one.is_stranger || (one.team_id && one.team_id !== store.data.team.id)) found.push(["external", "External"]);
  if (one.is_admin) found.push(["admin", "Admin"]);
  if (one.is_bot) found.push(["app", "App"]);
  return found;
}

/** The same as small badges. */
export const badges = (one) => standing(one).map(([kind, label]) => h("span", { class: `badge badge-${kind}` }, label));

/** Everybody one can act as: people before guests, the deactivated last, no apps. */
export function actors() {
  const rank = (one) => (one.deleted ? 3 : one.is_stranger ? 2 : one.is_restricted || one.is_ultra_restricted ? 1 : 0);
  return store.data.people.filter((one) => !one.is_bot && one.id !== "USLACKBOT").sort((a, b) => rank(a) - rank(b));
}
