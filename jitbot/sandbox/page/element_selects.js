// Select menus and multi-selects of all five kinds.

import { held, valueOf } from "./form.js";
import { comboBox } from "./select.js";
import { ask, groupsOf, initialOptions, kindOf, matching, optionsOf } from "./select_sources.js";
import { asText } from "./select_sources.js";
import { store } from "./store.js";

const ASK_AFTER_MS = 150;
const GLYPHS = { users: "people" };

function select(one, context) {
  const { surface, blockId, id, attributes, change, label } = context;
  const multiple = one.type.startsWith("multi_");
  const chosen = chosenIn(one, context);
  return comboBox({
    id,
    chosen,
    multiple,
    limit: one.max_selected_items,
    placeholder: asText(one.placeholder) || (multiple ? "Select options" : "Select an option"),
    glyph: GLYPHS[kindOf(one)],
    attributes: {
      ...attributes,
      "aria-label": attributes["aria-labelledby"] ? undefined : asText(one.placeholder) || label,
    },
    options: (query, done) => source(one, { surface, blockId }, query, done),
    // Slack clears optional selects in forms with an x; a choice elsewhere can only be replaced.
    clearable: context.inInput && context.optional,
    pick: (list) => change(multiple ? list.map((option) => option.value) : (list[0]?.value ?? null), list),
  });
}

function chosenIn(one, { surface, blockId }) {
  const kept = held(surface, blockId, one.action_id);
  if (kept) return kept.options || [];
  if (
    one.default_to_current_conversation &&
    store.at.channel &&
    !one.initial_conversation &&
    !one.initial_conversations
  ) {
    return optionsOf(one)[0].options.filter((option) => option.value === store.at.channel);
  }
  const known = new Map(
    groupsOf(one)
      .flatMap((group) => group.options)
      .map((option) => [option.value, option]),
  );
  const initial = initialOptions(one);
  return initial.length || valueOf(surface, blockId, one) === null
    ? initial.map((option) => known.get(option.value) || option)
    : [];
}

let timer = null;

function source(one, where, query, done) {
  if (kindOf(one) !== "external") return done(matching(optionsOf(one), query));
  const least = one.min_query_length ?? 3;
  if (query.length < least)
    return done([], least === 1 ? "Type to search" : `Type at least ${least} characters to search`);
  clearTimeout(timer);
  timer = setTimeout(
    async () => {
      const groups = await ask(where.surface, where.blockId, one, query);
      done(groups || [], groups ? undefined : "Couldn’t load the options. Try again?");
    },
    query ? ASK_AFTER_MS : 0,
  );
}

const KINDS = ["static", "external", "users", "conversations", "channels"];
export const selects = Object.fromEntries(
  KINDS.flatMap((kind) => [
    [`${kind}_select`, select],
    [`multi_${kind}_select`, select],
  ]),
);
