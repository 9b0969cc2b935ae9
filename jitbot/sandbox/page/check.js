// What Slack's own client checks before it sends a form: required fields, lengths, addresses and numbers.

import { valueOf } from "./form.js";

const REQUIRED = "Please complete this required field.";
const empty = (value) =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);

/** What is wrong with a form as filled in: {block_id: sentence}. */
export function wrongIn(view, surface) {
  const found = {};
  for (const block of view.blocks) {
    if (block.type !== "input") continue;
    const value = valueOf(surface, block.block_id, block.element);
    const sentence = empty(value) ? (block.optional ? null : REQUIRED) : wrong(block.element, value);
    if (sentence) found[block.block_id] = sentence;
  }
  return found;
}

const CHECKS = {
  plain_text_input: length,
  rich_text_input: length,
  email_text_input: (element, value) =>
    /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? null : "Please enter a valid email address.",
  url_text_input: (element, value) => (/^https?:\/\/[^\s/]+/i.test(value) ? null : "Please enter a valid URL."),
  number_input: number,
};

const wrong = (element, value) => CHECKS[element.type]?.(element, value) || null;

function length(element, value) {
  const count = [...value].length;
  if (element.min_length && count < element.min_length)
    return `Please enter at least ${element.min_length} characters.`;
  if (element.max_length && count > element.max_length) return `Please enter at most ${element.max_length} characters.`;
  return null;
}

function number(element, value) {
  const whole = element.is_decimal_allowed ? /^-?(\d+\.?\d*|\.\d+)$/ : /^-?\d+$/;
  if (!whole.test(value.trim()))
    return element.is_decimal_allowed ? "Please enter a valid number." : "Please enter a whole number.";
  if (element.min_value !== undefined && Number(value) < Number(element.min_value))
    return `Please enter a number of at least ${element.min_value}.`;
  if (element.max_value !== undefined && Number(value) > Number(element.max_value))
    return `Please enter a number of at most ${element.max_value}.`;
  return null;
}
