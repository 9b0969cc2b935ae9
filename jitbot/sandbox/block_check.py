"""Block Kit's rules, as Slack enforces them: counts, lengths, allowed types, unique ids. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jitbot.sandbox.block_rules import BLOCKS, SURFACES
from jitbot.sandbox.limits import BLOCKS as MOST_BLOCKS
from jitbot.sandbox.limits import MARKDOWN_TEXT
from jitbot.sandbox.shapes import ByType, at
from jitbot.sandbox.values import elements

# https://docs.slack.dev/reference/block-kit/blocks/table-block and .../data-visualization-block
_MOST_OF_A_TYPE = {"table": 1, "data_visualization": 2}


def check_blocks(blocks: Any, surface: str, pointer: str = "/blocks") -> list[str]:
    """Return what is wrong with the blocks of a `message`, `modal` or `home`; each problem with a JSON pointer."""
    if not isinstance(blocks, list):
        return ["must provide an array" + at(pointer)]
    if len(blocks) > MOST_BLOCKS[surface]:
        return [f"no more than {MOST_BLOCKS[surface]} items allowed" + at(pointer)]
    problems: list[str] = []
    for number, block in enumerate(blocks):
        problems += check_block(block, surface, f"{pointer}/{number}")
    return problems or list(_among_blocks(blocks, surface, pointer))


def check_block(block: Any, surface: str, pointer: str) -> Iterator[str]:
    """Yield what is wrong with one block by itself."""
    yield from ByType(BLOCKS, tuple(SURFACES[surface])).problems(block, pointer)
    children = block.get("child_blocks") if isinstance(block, dict) and block.get("type") == "container" else None
    for number, child in enumerate(children if isinstance(children, list) else []):
        yield from check_block(child, surface, f"{pointer}/child_blocks/{number}")


def _among_blocks(blocks: list[dict[str, Any]], surface: str, pointer: str) -> Iterator[str]:
    yield from _twin_blocks(blocks, pointer)
    for number, block in enumerate(blocks):
        yield from _twin_actions(block, f"{pointer}/{number}")
    for kind, most in _MOST_OF_A_TYPE.items():
        if sum(1 for block in blocks if block["type"] == kind) > most:
            yield f"no more than {most} {kind} blocks allowed" + at(pointer)
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_TEXT:
        yield f"markdown must be less than {MARKDOWN_TEXT + 1} characters in all" + at(pointer)
    if surface != "modal" and any(element["type"] == "file_input" for _block, element in elements_of(blocks)):
        yield "unsupported type: file_input" + at(pointer)
    if sum(1 for _block, element in elements_of(blocks) if element.get("focus_on_load")) > 1:
        yield "only one element may have focus_on_load" + at(pointer)


def elements_of(blocks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the interactive elements, those without an `action_id` too."""
    for block in blocks:
        yield from elements([block], named=False)


def _twin_blocks(blocks: list[dict[str, Any]], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id and block_id in seen:
            yield f"block_id {block_id!r} already exists" + at(f"{pointer}/{number}/block_id")
        seen.add(block_id or "")


def _twin_actions(block: dict[str, Any], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for _block, element in elements([block]):
        action_id = element["action_id"]
        if action_id in seen:
            yield f"action_id {action_id!r} already exists in this block" + at(pointer)
        seen.add(action_id)
