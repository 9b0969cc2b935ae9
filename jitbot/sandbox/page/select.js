// The searchable list behind every select, multi-select and time picker: a combobox with its list in a popup.

import { cx, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./people.js";
import { closePopup, isOpen, openPopup } from "./popup.js";
import { optionRow } from "./select_sources.js";
import { redraw } from "./store.js";

const boxes = new Map(); // id -> {query, active, groups, loading, note}; only while open
const contexts = new Map(); // id -> what the box was last drawn with, so that an open list is never behind

const boxOf = (id) => boxes.get(id) || {};
const flat = (groups) => (groups || []).flatMap((group) => group.options);

/**
 * Draw a combobox.
 *
 * `options(query, done)` calls `done(groups, note)` now or later; `chosen` is the list of options picked so far;
 * `pick(list)` receives the new list. `attributes` go on the field (id, labels, data-…).
 */
export function comboBox({
  id,
  chosen,
  options,
  pick,
  multiple = false,
  placeholder,
  attributes = {},
  disabled,
  glyph,
  limit,
  clearable,
}) {
  const box = boxOf(id);
  const open = isOpen(id);
  const shown = open ? box.query || "" : multiple ? "" : chosen[0]?.text || "";
  const context = { id, chosen, options, pick, multiple, limit };
  contexts.set(id, context);
  return h(
    "div",
    {
      class: cx("select", multiple && "select-multi", open && "open", disabled && "disabled"),
      removed: () => contexts.delete(id),
      onclick: (event) => {
        if (event.target.closest("button") || disabled) return;
        event.currentTarget.querySelector("input").focus();
        show(event.currentTarget, context);
      },
    },
    glyph && h("span", { class: "select-glyph" }, icon(glyph, 18)),
    multiple && chosen.map((one) => chip(one, context)),
    h("input", {
      key: "field",
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-autocomplete": "list",
      "aria-expanded": String(open),
      "aria-controls": `${id}-list`,
      "aria-haspopup": "listbox",
      "aria-activedescendant": open && flat(box.groups)[box.active] ? `${id}-${box.active}` : undefined,
      placeholder: open && !multiple && chosen[0] ? chosen[0].text : multiple && chosen.length ? "" : placeholder,
      value: shown,
      disabled,
      ...attributes,
      oninput: (event) => typed(event, context),
      onkeydown: (event) => keys(event, context),
      onfocus: (event) => event.target.select(),
      onblur: (event) => left(event, context),
    }),
    clearable && chosen.length && !multiple
      ? h(
          "button",
          { type: "button", class: "select-clear", "aria-label": "Clear", onclick: () => pick([]) },
          icon("close", 14),
        )
      : h("span", { class: "select-caret" }, icon("caret", 18)),
  );
}

function chip(one, { chosen, pick }) {
  return h(
    "span",
    { class: "chip", key: `chip-${one.value}` },
    one.user && avatar(one.user, 18),
    h("span", { class: "chip-text" }, one.text),
    h(
      "button",
      {
        type: "button",
        class: "chip-x",
        "aria-label": `Remove ${one.text}`,
        onclick: () => pick(chosen.filter((other) => other.value !== one.value)),
      },
      icon("close", 12),
    ),
  );
}

function show(anchor, context, query = "") {
  const { id } = context;
  if (isOpen(id)) return;
  boxes.set(id, { query, active: 0, groups: null, loading: true });
  openPopup({
    id,
    anchor,
    width: "anchor",
    draw: () => listOf(boxOf(id), contexts.get(id) || context),
    closed: () => boxes.delete(id),
  });
  load(context);
}

function load(context) {
  const { id, options, chosen } = context;
  const box = boxOf(id);
  box.loading = true;
  const asked = box.query;
  options(asked, (groups, note) => {
    const still = boxes.get(id);
    if (!still || still.query !== asked) return; // an answer to what was typed before
    Object.assign(still, { groups, note, loading: false });
    const at = asked ? 0 : flat(groups).findIndex((one) => one.value === chosen[0]?.value);
    still.active = Math.max(0, at);
    redraw();
    queueMicrotask(() => scrollTo(id, still.active));
  });
}

function scrollTo(id, index) {
  document.getElementById(`${id}-${index}`)?.scrollIntoView({ block: "nearest" });
}

function listOf(box, context) {
  const { id, chosen } = context;
  if (box.loading && !box.groups)
    return h("div", { class: "list-note", role: "status" }, h("span", { class: "spinner" }), "Loading…");
  const picked = new Set(chosen.map((one) => one.value));
  let index = -1;
  const row = (one) => {
    index += 1;
    const here = index;
    return h(
      "div",
      {
        id: `${id}-${here}`,
        key: `o${here}-${one.value}`,
        role: "option",
        class: cx("option", here === box.active && "active"),
        "aria-selected": String(picked.has(one.value)),
        "data-value": one.value,
        onmousemove: () => box.active !== here && ((box.active = here), redraw()),
        onclick: () => choose(one, context),
      },
      optionRow(one, avatar),
      picked.has(one.value) && h("span", { class: "option-check" }, icon("check", 16)),
    );
  };
  const groups = box.groups || [];
  return h(
    "div",
    // a press in the list must not take the focus from the field
    {
      class: cx("listbox", box.loading && "loading"),
      role: "listbox",
      id: `${id}-list`,
      onmousedown: (event) => event.preventDefault(),
      "aria-multiselectable": context.multiple ? "true" : undefined,
    },
    groups.map((group, number) =>
      group.label
        ? h(
            "div",
            { role: "group", "aria-labelledby": `${id}-g${number}`, key: `g${number}` },
            h("div", { class: "option-group", id: `${id}-g${number}` }, group.label),
            group.options.map(row),
          )
        : group.options.map(row),
    ),
    !flat(groups).length && h("div", { class: "list-note", role: "status" }, box.note || "No results"),
  );
}

function choose(one, context) {
  const { chosen, multiple, pick, limit } = context;
  if (!multiple) {
    closePopup();
    pick([one]);
    return;
  }
  const has = chosen.some((other) => other.value === one.value);
  if (!has && limit && chosen.length >= limit) return;
  const box = boxes.get(context.id);
  if (box?.query) {
    box.query = "";
    load(context);
  }
  pick(has ? chosen.filter((other) => other.value !== one.value) : [...chosen, one]);
}

function typed(event, context) {
  const anchor = event.target.closest(".select");
  if (!isOpen(context.id)) {
    show(anchor, context, event.target.value);
    return;
  }
  const box = boxOf(context.id);
  box.query = event.target.value;
  load(context);
  redraw();
}

function keys(event, context) {
  const open = isOpen(context.id);
  const box = boxOf(context.id);
  const all = flat(box.groups);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!open) return show(event.target.closest(".select"), context);
    box.active = (box.active + (event.key === "ArrowDown" ? 1 : -1) + all.length) % (all.length || 1);
    redraw();
    queueMicrotask(() => scrollTo(context.id, box.active));
  } else if (event.key === "Enter") {
    // Enter in a select opens or picks; it never sends the form.
    event.preventDefault();
    event.stopPropagation();
    if (!open) show(event.target.closest(".select"), context);
    else if (all[box.active]) choose(all[box.active], context);
  } else if (event.key === "Tab" && open) closePopup();
  else if (event.key === "Backspace" && context.multiple && !event.target.value && context.chosen.length)
    context.pick(context.chosen.slice(0, -1));
}

function left(event, { id }) {
  if (isOpen(id) && !event.relatedTarget?.closest?.(".popup")) closePopup();
}
