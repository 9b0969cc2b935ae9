// The interactive elements of Block Kit: which function draws which type, and what they share.

import { h } from "./dom.js";
import { dates } from "./element_dates.js";
import { texts } from "./element_texts.js";
import { choices } from "./element_choices.js";
import { selects } from "./element_selects.js";
import { buttons } from "./element_buttons.js";
import { confirmed } from "./confirm.js";
import { hold, send } from "./form.js";

const DRAWINGS = { ...buttons, ...selects, ...choices, ...dates, ...texts };

/**
 * Draw an element.
 *
 * `frame` says what stands around it: {surface, block, label?: accessible name, labelId?, describedBy?, invalid?,
 * inInput: whether an input block holds it, dispatch: whether its changes go to the app}.
 */
export function element(one, frame) {
  const draw = DRAWINGS[one.type];
  if (!draw) return h("span", { class: "unsupported" }, `This element is not supported here: ${one.type}`);
  const block = frame.block.block_id;
  const context = {
    ...frame,
    blockId: block,
    id: domId(frame.surface, block, one.action_id),
    attributes: {
      id: domId(frame.surface, block, one.action_id),
      "data-action-id": one.action_id,
      "aria-labelledby": frame.labelId,
      "aria-label": frame.labelId ? undefined : frame.label,
      "aria-describedby": frame.describedBy,
      "aria-invalid": frame.invalid ? "true" : undefined,
      "aria-required": frame.required ? "true" : undefined,
      created: one.focus_on_load
        ? (field) =>
            queueMicrotask(() =>
              (field.matches("input,textarea,button") ? field : field.querySelector("input,textarea,button"))?.focus(),
            )
        : undefined,
    },
  };
  context.change = (value, options) => change(one, context, value, options);
  return draw(one, context);
}

/** The id in the page of an element, made of what names it to the app. */
export const domId = (surface, block, action) =>
  `e-${`${surface.place || ""}${surface.key}-${block}-${action}`.replace(/[^\w-]/g, "_")}`;

// A choice is kept; outside of input blocks, and in those that dispatch, the app hears of it at once.
async function change(one, { surface, blockId, inInput, dispatch }, value, options) {
  const goes = inInput ? dispatch : true;
  if (goes && !(await confirmed(one.confirm))) return;
  hold(surface, blockId, one.action_id, value, options);
  if (goes) await send(surface, blockId, one.action_id, value);
}
