"""What a warrant says: one act, on exactly these inputs, by this worker, before this instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from jitbot.audit import canonical, digest
from jitbot.errors import Tampered
from jitbot.model import Receipt


class Deed(StrEnum):
    """What a warrant permits. RELEASE is to let go of a grant that others keep or have undone: nothing is touched."""

    START = "start"
    EXTEND = "extend"
    UNDO = "undo"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What shall be permitted. All instants are aware and in UTC."""

    deed: Deed
    request: int
    digest: str
    """What was approved: the digest of the request's revision."""
    key: str
    """The key of the run, the same for its start, its extensions and its undo."""
    runner: str
    inputs: Mapping[str, Any]
    receipt: str
    """The digest of the receipt that an extension or an undo is given; empty without one."""
    pool: str
    """The pool in which it holds; empty in the service itself."""
    worker: str
    """The fingerprint of the key of the one worker that may act on it; empty in the service itself."""
    start_before: datetime
    """When nobody may begin any more, and what has begun must have ended."""
    until: datetime | None
    """When a grant ends at the latest; None for what is no grant."""
    lasts: float | None
    """For how many seconds from its start a grant is held; None for what is no grant, and for all but a start."""
    policy: str
    """The digest of the policies by which it was decided last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant(Act):
    """Permission for one act."""

    number: str
    """Names this one warrant among all that were ever signed."""
    count: int
    """How long the signed record was when this was signed, and the hash of its newest event then."""
    head: str


_WARRANT = TypeAdapter(Warrant)


def text_of(warrant: Warrant) -> str:
    """Write a warrant in the one form in which it is signed."""
    return canonical(_WARRANT.dump_python(warrant, mode="json"))


def read_warrant(text: str) -> Warrant:
    """Read a warrant whose signature was verified. Raises: Tampered, for what another release has written."""
    try:
        return _WARRANT.validate_json(text)
    except ValidationError as error:
        raise Tampered(f"The warrant cannot be read here ({error.error_count()} fields do not fit).") from error


def receipt_digest(receipt: Receipt | None) -> str:
    """Return the digest by which a warrant names a receipt; empty where there is none."""
    return "" if receipt is None else digest(dict(receipt.data))
