"""The form in which an action is asked for: its parameters, the reason, how long, and what will come of it."""

import json
from collections.abc import Mapping
from datetime import datetime

from jitbot.explain import length, named
from jitbot.model import Action, Outcome
from jitbot.slack import limits
from jitbot.slack.blocks import modal, note, plain
from jitbot.slack.spans import Block, Bold, Line, paragraph, rich
from jitbot.slack.text import shorten, size, truncate
from jitbot.slack.typed import Typed
from jitbot.slack.views import break_glass, fields, ids
from jitbot.slack.views.foresight import Foresight
from jitbot.slack.views.people import namer
from jitbot.slack.views.preview import preview_lines

MOST_FIELDS = 40
MOST_FAULTS = 8
FIRST_DATE = 1_000_000_000
"""The smallest instant a date picker takes: ten digits (docs.slack.dev/reference/block-kit/block-elements)."""


LOOKING = Foresight(words="⏳ Looking up who decides…")


def form(action: Action, typed: Typed, faults: Mapping[str, str] | None = None, ahead: Foresight = LOOKING) -> Block:
    """Return the form, filled in with what is known; `faults` stand below the fields they are about."""
    keeps = {"callback_id": ids.FORM_VIEW, "private_metadata": metadata(action.name)}
    why_not = _why_not(action)
    if why_not:
        return modal(action.title, [*_about(action), *why_not], **keeps)
    wrong = dict(faults or {})
    below = [*_parameters(action, typed, wrong), *_reason(action, typed, wrong)]
    below += [*_how_long(action, typed, wrong), *_start(action, typed, wrong)]
    if ahead.break_glass or typed.break_glass:
        below += break_glass.choice(typed)
    unplaced = [_fault(text) for text in list(wrong.values())[:MOST_FAULTS]]
    blocks = [*_about(action), *unplaced, *below, {"type": "divider"}, *_ahead(ahead)]
    return modal(action.title, blocks, submit="Ask", close="Cancel", **keeps)


def metadata(action: str) -> str:
    """Return what a form keeps: the action's name."""
    return json.dumps({"action": action})


def _about(action: Action) -> list[Block]:
    """Say what this is, where the title is too long for a form's head or there is more to say."""
    title: Line = [Bold(action.title)] if size(action.title) > limits.VIEW_TITLE else []
    description: Line = [truncate(action.description, 1000)] if action.description.strip() else []
    return [rich(paragraph(title, description))] if title or description else []


def _parameters(action: Action, typed: Typed, wrong: dict[str, str]) -> list[Block]:
    blocks = []
    for parameter in action.parameters:
        blocks.append(fields.field(parameter, typed.params.get(parameter.name)))
        if parameter.name in wrong:
            blocks.append(_fault(wrong.pop(parameter.name)))
    return blocks


def _why_not(action: Action) -> list[Block]:
    """Say why this form could never be filled in; empty when it can be."""
    if len(action.parameters) > MOST_FIELDS:
        return [
            note(f"{action.name} takes {len(action.parameters)} values, more than a form holds: use the command line.")
        ]
    choices = (each for each in action.parameters if each.type in fields.CHOICES and not each.options)
    return [fields.field(each, None) for each in choices if each.required and each.default is None]


def _reason(action: Action, typed: Typed, wrong: dict[str, str]) -> list[Block]:
    rule = action.reason
    given = {"initial_value": typed.reason} if typed.reason and size(typed.reason) <= limits.TEXT_INPUT else {}
    element = {
        "type": "plain_text_input",
        "action_id": ids.FIELD,
        "multiline": True,
        "max_length": limits.TEXT_INPUT,
        "placeholder": plain(rule.hint or "What you saw and why this helps", limits.PLACEHOLDER),
        **given,
    }
    block: Block = {
        "type": "input",
        "block_id": ids.REASON_BLOCK,
        "label": plain("Why", limits.INPUT_LABEL),
        "optional": not rule.required,
        "element": element,
    }
    if rule.pattern:
        block["hint"] = plain(f"Must contain something that matches {rule.pattern}.", limits.INPUT_HINT)
    return [block, *([_fault(wrong.pop("reason"))] if "reason" in wrong else [])]


def _how_long(action: Action, typed: Typed, wrong: dict[str, str]) -> list[Block]:
    if action.timebox is None:
        return []
    most, usual = length(action.timebox.max), length(action.timebox.default)
    block: Block = {
        "type": "input",
        "block_id": ids.TTL_BLOCK,
        "label": plain("How long", limits.INPUT_LABEL),
        "hint": plain(f"Like 30m or 1h30m: {usual} if you leave it empty, {most} at most.", limits.INPUT_HINT),
        "optional": True,
        "dispatch_action": True,
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "max_length": 100,
            "placeholder": plain(usual, limits.PLACEHOLDER),
            "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
            **({"initial_value": typed.ttl} if typed.ttl and size(typed.ttl) <= 100 else {}),
        },
    }
    fault = wrong.pop("ttl", None) or wrong.pop("for", None)
    return [block, *([_fault(fault)] if fault else [])]


def _start(action: Action, typed: Typed, wrong: dict[str, str]) -> list[Block]:
    if action.start_later is None:
        return []
    most = length(action.start_later)
    hint = f"At once if you leave it empty; {most} ahead at most. It runs then or, where it is missed, not at all."
    block = start_field(instant_of(typed.at), hint) | {"dispatch_action": True}
    return [block, *([_fault(wrong.pop("at"))] if "at" in wrong else [])]


def start_field(initial: datetime | None, hint: str) -> Block:
    """Return the field in which a start is chosen, in the reader's own time zone."""
    chosen = {"initial_date_time": int(initial.timestamp())} if initial else {}
    return {
        "type": "input",
        "block_id": ids.START_BLOCK,
        "label": plain("Start", limits.INPUT_LABEL),
        "hint": plain(hint, limits.INPUT_HINT),
        "optional": True,
        "element": {"type": "datetimepicker", "action_id": ids.FIELD, **chosen},
    }


def instant_of(text: str) -> datetime | None:
    """Return an instant that was written with its offset; None for everything else."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None and read.timestamp() >= FIRST_DATE else None


def _fault(text: str) -> Block:
    return rich(paragraph(["⚠ ", Bold(shorten(text, 600))]))


def _ahead(ahead: Foresight) -> list[Block]:
    if ahead.decision is None:
        return [note(ahead.words)] if ahead.words else []
    halted = named(ahead.halted, namer(ahead.names))
    lines: list[Line] = [[f"⛔ Does not start for now: {shorten(halted, 600)}"]] if halted else []
    lines += [[line] for line in preview_lines(ahead.decision, ahead.plan, ahead.names, ahead.usual_wait)]
    small = note("As things stand now; what counts is how they stand when you ask and when it starts.")
    refused = ahead.decision.outcome is Outcome.DENY
    return [rich(paragraph(*lines)), *([] if refused else [small])]
