"""Interactive elements and their values: plain values in, Slack's `state.values` and `actions` out.

A plain value is what a person typed or picked: a string, a number, an option's value, or a list of those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jitbot.sandbox.refusals import ActRefusal

Json = dict[str, Any]
Typed = dict[str, dict[str, Any]]
Offered = Mapping[tuple[str, str], Mapping[str, Json]]

# element type -> (key of its value in Slack's payloads, how the plain value becomes that)
STATEFUL: Final[dict[str, tuple[str, str]]] = {
    "plain_text_input": ("value", "text"),
    "email_text_input": ("value", "text"),
    "url_text_input": ("value", "text"),
    "number_input": ("value", "text"),
    "rich_text_input": ("rich_text_value", "rich_text"),
    "file_input": ("files", "files"),
    "datepicker": ("selected_date", "text"),
    "timepicker": ("selected_time", "text"),
    "datetimepicker": ("selected_date_time", "second"),
    "static_select": ("selected_option", "option"),
    "external_select": ("selected_option", "option"),
    "radio_buttons": ("selected_option", "option"),
    "checkboxes": ("selected_options", "options"),
    "multi_static_select": ("selected_options", "options"),
    "multi_external_select": ("selected_options", "options"),
    "users_select": ("selected_user", "id"),
    "conversations_select": ("selected_conversation", "id"),
    "channels_select": ("selected_channel", "id"),
    "multi_users_select": ("selected_users", "ids"),
    "multi_conversations_select": ("selected_conversations", "ids"),
    "multi_channels_select": ("selected_channels", "ids"),
}
_INITIAL: Final = (
    "initial_value",
    "initial_date",
    "initial_time",
    "initial_date_time",
    "initial_option",
    "initial_options",
    "initial_user",
    "initial_users",
    "initial_conversation",
    "initial_conversations",
    "initial_channel",
    "initial_channels",
)
_LISTS: Final = {"options", "ids", "files"}


def elements(blocks: list[Json] | None, *, named: bool = True) -> Iterator[tuple[Json, Json]]:
    """Yield every interactive element with its block, in the order drawn; `named` only those with an `action_id`."""
    for block in blocks or []:
        for owner, element in _of_block(block):
            if element.get("type") != "image" and (not named or "action_id" in element):
                yield owner, element


def _of_block(block: Json) -> Iterator[tuple[Json, Json]]:
    kind = block.get("type")
    if kind in ("carousel", "container"):
        for child in block.get("elements") or block.get("child_blocks") or []:
            yield from _of_block(child)
        return
    for key in _PLACES.get(str(kind), ()):
        found = block.get(key) or []
        for element in found if isinstance(found, list) else [found]:
            yield block, element


_PLACES: Final = {
    "section": ("accessory",),
    "input": ("element",),
    "actions": ("elements",),
    "context_actions": ("elements",),
    "card": ("actions",),
}


def options_of(element: Json) -> list[Json]:
    """Return the options an element offers by itself, groups flattened."""
    found = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        found += group["options"]
    return found


def initial_value(element: Json) -> Any:
    """Return the plain value an untouched element has."""
    for key in _INITIAL:
        if key in element:
            return _plain(element[key])
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        if value.get("type") == "rich_text":
            return rich_text_words(value)
        return value["value"]
    return value


def rich_text_words(value: Json) -> str:
    """Return the words of a rich text value."""
    if "text" in value and isinstance(value["text"], str):
        return value["text"]
    return "".join(rich_text_words(part) for part in value.get("elements", []))


def current(element: Json, block: Json, typed: Typed) -> Any:
    """Return what an element holds now: what was typed, else what it started with."""
    by_action = typed.get(block["block_id"], {})
    if element["action_id"] in by_action:
        return by_action[element["action_id"]]
    return initial_value(element)


def held_values(blocks: list[Json], typed: Typed) -> Typed:
    """Return the plain value of every stateful element."""
    held: Typed = {}
    for block, element in elements(blocks):
        if element["type"] in STATEFUL:
            held.setdefault(block["block_id"], {})[element["action_id"]] = current(element, block, typed)
    return held


def carried_over(old: list[Json], new: list[Json], typed: Typed) -> Typed:
    """Return what stays typed when `new` blocks replace `old` ones: same block, same action, same type."""
    kept: Typed = {}
    before = {(block["block_id"], one["action_id"]): (block, one) for block, one in elements(old)}
    for block, element in elements(new):
        found = before.get((block["block_id"], element["action_id"]))
        if found and element["type"] in STATEFUL and found[1]["type"] == element["type"]:
            value = current(found[1], found[0], typed)
            if value is not None or element["action_id"] in typed.get(block["block_id"], {}):
                kept.setdefault(block["block_id"], {})[element["action_id"]] = value
    return kept


def state_values(blocks: list[Json] | None, typed: Typed, offered: Offered) -> Json:
    """Return Slack's `state.values` of a surface."""
    values: Json = {}
    for block, element in elements(blocks):
        if element["type"] in STATEFUL:
            plain = current(element, block, typed)
            entry = _entry_or_empty(element, plain, offered.get((block["block_id"], element["action_id"]), {}))
            values.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return values


def known_values(blocks: list[Json], state: Typed, offered: Offered) -> Typed:
    """Return the part of what was typed that has a place on a surface.

    Raises:
        ActRefusal: When a value cannot stand where it was typed.
    """
    known: Typed = {}
    for block, element in elements(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        if element["type"] in STATEFUL and action_id in state.get(block_id, {}):
            value = state[block_id][action_id]
            entry_of(element, value, offered.get((block_id, action_id), {}))
            known.setdefault(block_id, {})[action_id] = value
    return known


def _entry_or_empty(element: Json, plain: Any, offered: Mapping[str, Json]) -> Json:
    """Return an entry, an empty one where the app no longer offers what had been picked."""
    try:
        return entry_of(element, plain, offered)
    except ActRefusal:
        return entry_of(element, None, offered)


def entry_of(element: Json, plain: Any, offered: Mapping[str, Json]) -> Json:
    """Return one entry of `state.values`.

    Raises:
        ActRefusal: When the value is none of the element's options, or of another kind.
    """
    key, form = STATEFUL[element["type"]]
    if plain is None or plain == "":
        return {"type": element["type"], key: [] if form in _LISTS else None}
    try:
        return {"type": element["type"], key: _FORMS[form](element, plain, offered)}
    except (TypeError, ValueError) as error:
        raise ActRefusal("invalid_value", f"{element['action_id']} cannot hold {plain!r}.") from error


def _option(element: Json, plain: Any, offered: Mapping[str, Json]) -> Json:
    for option in options_of(element):
        if option.get("value") == plain:
            return option
    if isinstance(plain, str) and plain in offered:
        return offered[plain]
    initial = element.get("initial_option")
    for option in [initial] if initial else element.get("initial_options", []):
        if option.get("value") == plain:
            found: Json = option
            return found
    raise ActRefusal("no_such_option", f"{element['action_id']} does not offer {plain!r}: ask for its options first.")


def _rich_text(_element: Json, plain: Any, _offered: Mapping[str, Json]) -> Json:
    words = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(plain)}]}
    return {"type": "rich_text", "elements": [words]}


def _listed(plain: Any) -> list[Any]:
    return list(plain) if isinstance(plain, list | tuple) else [plain]


_FORMS: Final[dict[str, Any]] = {
    "text": lambda _e, plain, _o: str(plain),
    "id": lambda _e, plain, _o: str(plain),
    "ids": lambda _e, plain, _o: [str(one) for one in _listed(plain)],
    "second": lambda _e, plain, _o: int(plain),
    "option": _option,
    "options": lambda e, plain, o: [_option(e, one, o) for one in _listed(plain)],
    "files": lambda _e, plain, _o: [{"id": f"F{abs(hash(one)):X}", "name": str(one)} for one in _listed(plain)],
    "rich_text": _rich_text,
}


def action_of(element: Json, block: Json, plain: Any, *, at: str, offered: Mapping[str, Json]) -> Json:
    """Return one entry of a `block_actions` payload's `actions`."""
    action: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    if element["type"] in STATEFUL:
        action |= entry_of(element, plain, offered)
    elif element["type"] == "overflow":
        action["selected_option"] = _option(element, plain, offered)
    else:
        action |= {key: element[key] for key in ("text", "value", "style", "url", "confirm") if key in element}
    if "placeholder" in element:
        action["placeholder"] = element["placeholder"]
    action["action_ts"] = at
    return action
