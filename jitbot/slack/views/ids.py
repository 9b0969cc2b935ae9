"""The names of our buttons, fields and forms, and what a button carries: a request, its revision, what was shown."""

import re
from typing import NamedTuple

from jitbot.errors import Stale
from jitbot.model import Request, RequestId
from jitbot.service.facing import face

COMMAND = "/jit"

APPROVE = "jit:approve"
APPROVE_CHANGED = "jit:approve_changed"
DENY = "jit:deny"
REVIEW = "jit:review"
DETAILS = "jit:details"
WITHDRAW = "jit:withdraw"
DROP = "jit:drop"
EXTEND = "jit:extend"
HAPPENED = "jit:happened"
NOT_HAPPENED = "jit:not_happened"
LOOK = "jit:look"
AGAIN = "jit:again"
OUTPUT = "jit:output"
REVIEW_AFTER = "jit:review_after"
LIFT = "jit:lift"

OPEN_FORM = "jit:open_form"
PICK = "jit:pick"
PICKER = "jit:picker"
FIELD = "jit:field"

FORM_VIEW = "jit:form"
DENY_VIEW = "jit:deny_form"
CHANGE_VIEW = "jit:change_form"
EXTEND_VIEW = "jit:extend_form"
REVIEW_VIEW = "jit:review_form"
BREAK_GLASS_VIEW = "jit:break_glass"
REVIEW_AFTER_VIEW = "jit:review_after_form"
LIFT_VIEW = "jit:lift_form"

REASON_BLOCK = "reason"
TTL_BLOCK = "ttl"
START_BLOCK = "start"
COMMENT_BLOCK = "comment"
GLASS_BLOCK = "break-glass"
VERDICT_BLOCK = "verdict"
_PARAMETER = "p:"

_STAMP = re.compile(r"([0-9]{1,15})\.([0-9]{1,9})(?:\.([0-9a-f]{32})(?:\.[0-9a-f]{32})?)?")
"""The last is the seal of the whole card (`slack.seals`)."""


class Stamp(NamedTuple):
    """What a button carried: which request, at which revision, and the digest of what was shown of it."""

    request: RequestId
    revision: int
    seen: str


def stamp(request: Request) -> str:
    """Return what a button carries."""
    return f"{request.id}.{request.revision}.{face(request)}"


def read_stamp(text: str) -> Stamp:
    """Return what a button carried; `seen` is empty on cards of an older jitbot. Raises: Stale for none of ours."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise Stale("This button is not one of mine, so nothing was done. Look at the request with /jit status.")
    return Stamp(RequestId(int(found[1])), int(found[2]), found[3] or "")


def parameter_block(name: str) -> str:
    """Return the block id of a parameter's field."""
    return _PARAMETER + name


def parameter_of(block_id: str) -> str | None:
    """Return the parameter a block id belongs to."""
    return block_id.removeprefix(_PARAMETER) if block_id.startswith(_PARAMETER) else None
