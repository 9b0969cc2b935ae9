"""`/jit delegate …` as people type it: whom, until when, and why; or `end`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import DeliveryKind

MENTION = re.compile(r"<@([UW][A-Z0-9_]+)>")
_HOW = "Write it like `/jit delegate @colleague until Friday 18:00 on leave`; Slack offers names as you type the @."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be taken in."""

    kind: DeliveryKind
    body: Mapping[str, Any]


def read_delegation(about: str) -> Asked:
    """Read what stands behind `delegate`. Raises: InvalidInput where it names nobody."""
    first, *rest = about.split(None, 1) or [""]
    text = "".join(rest).strip()
    if first.lower() == "end":
        return Asked(DeliveryKind.END_DELEGATION, {"with": _person(text)} if text else {})
    return Asked(DeliveryKind.DELEGATE, {"to": _person(first), "text": text})


def _person(text: str) -> str:
    found = MENTION.fullmatch(text)
    if found is None:
        raise InvalidInput(f"“{text[:60]}” is nobody that I know. {_HOW}")
    return found[1]
