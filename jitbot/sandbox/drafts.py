"""Message content as an app hands it in: read from strings or JSON, and checked."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.limits import ATTACHMENTS, MARKDOWN_TEXT, METADATA_BYTES
from jitbot.sandbox.messages import Drawing, Json
from jitbot.sandbox.refusals import SlackRefusal, with_messages


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be shown; None for a part that was not named at all."""

    text: str | None
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to show."""
        return not (self.text or self.blocks or self.attachments)

    def drawing(self) -> Drawing:
        """Return it as a message is drawn."""
        return Drawing(self.text or "", self.blocks or None, self.attachments or None)


def read_draft(args: Mapping[str, Any]) -> Draft:
    """Read and check the content of a message.

    Raises:
        SlackRefusal: With Slack's code for what is wrong.
    """
    text = args.get("text")
    blocks = _parsed(args, "blocks", list, "invalid_blocks_format")
    attachments = _parsed(args, "attachments", list, "invalid_attachments")
    metadata = _parsed(args, "metadata", dict, "invalid_metadata_format")
    markdown = args.get("markdown_text")
    if markdown:
        if text or blocks:
            raise SlackRefusal("markdown_text_conflict")
        if len(markdown) > MARKDOWN_TEXT:
            raise SlackRefusal("msg_too_long")
        text = markdown
    _check_attachments(attachments)
    _check_metadata(metadata)
    return Draft(
        None if text is None else str(text), checked_blocks(blocks, "message"), _with_ids(attachments), metadata
    )


def checked_blocks(blocks: Any, surface: str) -> list[Json] | None:
    """Return blocks with every id filled in.

    Raises:
        SlackRefusal: `invalid_blocks`, with the problems.
    """
    if blocks is None:
        return None
    problems = check_blocks(blocks, surface)
    if problems:
        raise with_messages("invalid_blocks", problems)
    return filled(blocks)


def filled(blocks: list[Json]) -> list[Json]:
    """Return a copy in which each block has a `block_id` and each interactive element an `action_id`."""
    return [_filled_block(block) for block in blocks]


def _filled_block(block: Json) -> Json:
    block = {**block, "block_id": block.get("block_id") or secrets.token_urlsafe(4)}
    for key in ("accessory", "element"):
        if isinstance(block.get(key), dict):
            block[key] = _filled_element(block[key])
    if block["type"] in ("carousel", "container"):
        key = "elements" if block["type"] == "carousel" else "child_blocks"
        block[key] = filled(block[key])
    elif block["type"] != "rich_text":
        for key in ("elements", "actions"):
            if isinstance(block.get(key), list):
                block[key] = [_filled_element(one) for one in block[key]]
    return block


_WITHOUT_ACTION = {"image", "mrkdwn", "plain_text"}


def _filled_element(element: Json) -> Json:
    if element.get("action_id") or element.get("type") in _WITHOUT_ACTION:
        return element
    return {**element, "action_id": secrets.token_urlsafe(4)}


def _parsed(args: Mapping[str, Any], name: str, wanted: type, code: str) -> Any:
    value = args.get(name)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SlackRefusal(code) from error
    if value is None or value == "":
        return None
    if not isinstance(value, wanted):
        raise SlackRefusal(code)
    return value


def _check_attachments(attachments: list[Json] | None) -> None:
    if attachments is None:
        return
    if len(attachments) > ATTACHMENTS:
        raise SlackRefusal("too_many_attachments")
    for number, attachment in enumerate(attachments):
        if not isinstance(attachment, dict):
            raise SlackRefusal("invalid_attachments")
        if "blocks" in attachment:
            problems = check_blocks(attachment["blocks"], "message", f"/attachments/{number}/blocks")
            if problems:
                raise with_messages("invalid_attachments", problems)


def _with_ids(attachments: list[Json] | None) -> list[Json] | None:
    if attachments is None:
        return None
    return [{**one, "blocks": filled(one["blocks"])} if "blocks" in one else one for one in attachments]


def _check_metadata(metadata: Json | None) -> None:
    if metadata is None or "entities" in metadata:
        return
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackRefusal("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_BYTES:
        raise SlackRefusal("metadata_too_large")
