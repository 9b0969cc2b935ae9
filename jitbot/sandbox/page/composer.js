// Where one writes: messages, slash commands and thread replies, with completion for "/", "@" and "#".

import * as api from "./api.js";
import { asSent, completions, commandHint } from "./completion.js";
import { cx, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./people.js";
import { openMenu } from "./popup.js";
import { runShortcut } from "./messages.js";
import { quietly, redraw, store } from "./store.js";

const drafts = new Map(); // place -> {text, caret, active, closed, error, sending}

const placeOf = ({ channelId, threadTs }) => `${channelId}-${threadTs || ""}`;

function draftOf(place) {
  if (!drafts.has(place)) drafts.set(place, { text: "", caret: 0, active: 0 });
  return drafts.get(place);
}

/** Draw the composer of a channel or, with `threadTs`, of a thread. */
export function composer({ channelId, threadTs, label }) {
  const place = placeOf({ channelId, threadTs });
  const draft = draftOf(place);
  const found = draft.closed || !draft.focused ? [] : completions(draft, { channelId, threadTs });
  draft.active = Math.min(draft.active, Math.max(0, found.length - 1));
  const context = { place, draft, channelId, threadTs, found };
  const hint = !found.length && commandHint(draft.text);
  const listId = `complete-${place.replace(/\W/g, "-")}`;
  return h(
    "div",
    { class: "composer-wrap" },
    found.length ? list(listId, context) : null,
    hint && h("div", { class: "composer-hint" }, h("b", null, hint.command), " ", hint.usage_hint),
    h(
      "div",
      { class: cx("composer", draft.focused && "focused") },
      h("textarea", {
        key: place,
        rows: "1",
        "aria-label": label,
        placeholder: label,
        value: draft.text,
        role: "combobox",
        "aria-multiline": "true",
        "aria-expanded": String(Boolean(found.length)),
        "aria-controls": listId,
        "aria-autocomplete": "list",
        "aria-activedescendant": found.length ? `${listId}-${draft.active}` : undefined,
        oninput: (event) =>
          change(context, {
            text: event.target.value,
            caret: event.target.selectionStart,
            active: 0,
            closed: false,
            error: null,
          }),
        onkeydown: (event) => keys(event, context),
        onkeyup: (event) => noteCaret(event, context),
        onclick: (event) => noteCaret(event, context),
        onfocus: () => change(context, { focused: true }),
        onblur: () => change(context, { focused: false }),
        patched: grow,
        created: (area) => queueMicrotask(() => threadTs && area.focus()),
      }),
      h(
        "div",
        { class: "composer-bar" },
        shortcutButton(threadTs),
        h("span", { class: "spacer" }),
        h(
          "button",
          {
            type: "button",
            class: cx("send", draft.text.trim() && "ready"),
            "aria-label": "Send now",
            disabled: !draft.text.trim() || draft.sending,
            onclick: () => send(context),
          },
          draft.sending ? h("span", { class: "spinner" }) : icon("send", 18),
        ),
      ),
    ),
    draft.error
      ? h("div", { class: "composer-error", role: "alert" }, icon("warning", 16), h("span", null, draft.error))
      : h(
          "div",
          { class: "composer-foot" },
          draft.text ? [h("b", null, "Shift + Return"), " to add a new line"] : null,
        ),
  );
}

function change({ draft }, what) {
  Object.assign(draft, what);
  redraw();
}

function grow(area) {
  if (area.$grownFor === area.value) return;
  area.$grownFor = area.value;
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
}

function noteCaret(event, context) {
  if (context.draft.caret !== event.target.selectionStart) change(context, { caret: event.target.selectionStart });
}

function list(id, { draft, found, ...context }) {
  return h(
    "div",
    {
      class: "completions",
      role: "listbox",
      id,
      "aria-label": "Suggestions",
      onmousedown: (event) => event.preventDefault(),
    },
    h(
      "div",
      { class: "completions-head" },
      found[0].kind === "command" ? "Commands" : found[0].kind === "person" ? "People" : "Channels",
      h("span", null, "↑↓ to choose · Tab to complete · Esc to dismiss"),
    ),
    found.map((one, index) =>
      h(
        "div",
        {
          id: `${id}-${index}`,
          key: one.insert,
          role: "option",
          class: cx("completion", index === draft.active && "active"),
          "aria-selected": String(index === draft.active),
          onclick: () => complete(one, { draft, ...context }),
        },
        one.user ? avatar(one.user, 24) : h("span", { class: "option-glyph" }, icon(one.glyph || "hash", 18)),
        h(
          "span",
          { class: "completion-main" },
          h("b", null, one.title),
          one.usage && h("span", { class: "completion-usage" }, one.usage),
        ),
        one.more && h("span", { class: "completion-more" }, one.more),
      ),
    ),
  );
}

function complete(one, { draft, place }) {
  draft.text = draft.text.slice(0, one.from) + one.insert + draft.text.slice(draft.caret);
  draft.caret = one.from + one.insert.length;
  draft.active = 0;
  redraw();
  queueMicrotask(() => {
    const area = [...document.querySelectorAll(".composer textarea")].find((each) => each.$node.key === place);
    area?.setSelectionRange(draft.caret, draft.caret);
  });
}

function keys(event, context) {
  const { draft, found } = context;
  if (event.isComposing) return;
  const chosen = found[draft.active];
  if (found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    change(context, { active: (draft.active + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length });
  } else if (chosen && event.key === "Escape") {
    event.preventDefault();
    change(context, { closed: true });
  } else if (chosen && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !chosen.exact))) {
    event.preventDefault();
    complete(chosen, context);
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    send(context);
  }
}

const isCommand = (text) => /^\/[^\s/]/.test(text);

async function send(context) {
  const { draft, channelId, threadTs } = context;
  const text = draft.text.trimEnd();
  if (!text.trim() || draft.sending) return;
  if (isCommand(text) && threadTs) {
    change(context, { error: `${text.split(/\s/)[0]} is not supported in threads. Sorry!` });
    return;
  }
  change(context, { sending: true, text: "", caret: 0, error: null });
  const answer = await quietly(() =>
    isCommand(text) ? api.command(channelId, text) : api.message(channelId, asSent(text), threadTs),
  );
  draft.sending = false;
  // A command the app did not take in time is told by Slackbot in the channel; here only what never got that far.
  if (!answer.ok && answer.acked === undefined)
    Object.assign(draft, { error: answer.said || api.reason(answer), text: draft.text || text });
  redraw();
}

function shortcutButton(threadTs) {
  const all = (store.data.shortcuts || []).filter((one) => one.type === "global" || one.type === "shortcut");
  if (!all.length || threadTs) return null;
  const items = () =>
    all.map((one) => ({
      text: one.name,
      hint: store.data.app.name,
      before: avatar(store.data.app.bot_user, 20),
      run: () => runShortcut(one),
    }));
  return h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Run a shortcut",
      title: "Run a shortcut",
      "aria-haspopup": "menu",
      onclick: (event) => openMenu("shortcuts", event.currentTarget, items(), { label: "Shortcuts", align: "start" }),
    },
    icon("bolt"),
  );
}
