// Date, time and date-with-time pickers.

import { cx, h } from "./dom.js";
import { dayText, openCalendar } from "./calendar.js";
import { clockOf, dayOf, momentOf } from "./dates.js";
import { hold, held, valueOf } from "./form.js";
import { icon } from "./icons.js";
import { comboBox } from "./select.js";
import { asText, timeOption, times } from "./select_sources.js";
import { now } from "./store.js";

function dayField({ id, value, placeholder, attributes, pick }) {
  const { "aria-label": label, "aria-labelledby": labelledBy, ...rest } = attributes;
  const textId = `${id}-text`;
  return h(
    "button",
    {
      type: "button",
      class: cx("field", "field-date", !value && "empty"),
      ...rest,
      id,
      "aria-haspopup": "dialog",
      "aria-label": labelledBy ? undefined : `${label || placeholder}${value ? `, ${dayText(value)}` : ""}`,
      "aria-labelledby": labelledBy ? `${labelledBy} ${textId}` : undefined,
      onclick: (event) => openCalendar(`calendar-${id}`, event.currentTarget, { value, pick, label }),
    },
    icon("calendar", 18),
    h("span", { id: textId, class: "field-text" }, value ? dayText(value) : placeholder),
    h("span", { class: "select-caret" }, icon("caret", 18)),
  );
}

function timeField({ id, value, placeholder, attributes, pick }) {
  return comboBox({
    id,
    chosen: value ? [timeOption(value)] : [],
    placeholder,
    glyph: "clock",
    attributes: { ...attributes, id },
    options: (query, done) => done(times(query), "Type a time, as in 2:05 PM"),
    pick: (list) => pick(list[0].value),
  });
}

function datepicker(one, { surface, blockId, id, attributes, change }) {
  return dayField({
    id,
    value: valueOf(surface, blockId, one),
    placeholder: asText(one.placeholder) || "Select a date",
    attributes,
    pick: change,
  });
}

function timepicker(one, { surface, blockId, id, attributes, change }) {
  const placeholder = asText(one.placeholder) || "Select a time";
  return timeField({
    id,
    value: valueOf(surface, blockId, one),
    placeholder,
    attributes: { ...attributes, "aria-label": attributes["aria-label"] || placeholder },
    pick: change,
  });
}

// Half of a moment is kept beside the form, under names the server never sees.
const DRAFT = " draft";

function datetimepicker(one, { surface, blockId, id, attributes, change, label }) {
  const value = valueOf(surface, blockId, one);
  const day = value ? dayOf(value) : null;
  const clock = value ? clockOf(value) : null;
  const draft = held({ key: surface.key + DRAFT }, blockId, one.action_id)?.value || {};
  const set = (half) => {
    const both = { day: day || draft.day, clock: clock || draft.clock, ...half };
    hold({ key: surface.key + DRAFT }, blockId, one.action_id, both);
    if (both.day && both.clock) change(momentOf(both.day, both.clock));
    else if (both.day) change(momentOf(both.day, nextHalfHour()));
  };
  const named = label || "Date and time";
  return h(
    "div",
    {
      class: "datetime",
      role: "group",
      "data-action-id": one.action_id,
      "aria-labelledby": attributes["aria-labelledby"],
      "aria-label": attributes["aria-labelledby"] ? undefined : named,
    },
    dayField({
      id,
      value: day || draft.day,
      placeholder: "Select a date",
      attributes: { "aria-label": `${named}: date`, created: attributes.created },
      pick: (picked) => set({ day: picked }),
    }),
    timeField({
      id: `${id}-time`,
      value: clock || draft.clock,
      placeholder: "Select a time",
      attributes: { "aria-label": `${named}: time` },
      pick: (picked) => set({ clock: picked, day: day || draft.day || dayOf(now()) }),
    }),
  );
}

const nextHalfHour = () => clockOf(Math.ceil(now() / 1800) * 1800);

export const dates = { datepicker, timepicker, datetimepicker };
