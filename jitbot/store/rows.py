"""Rows and model values, one into the other; and the fields of a request as signed events carry them."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from jitbot.errors import Conflict
from jitbot.model import WORKERS_OWN, Decision, Delegation, Request, Review

_FIELDS = tuple(each.name for each in fields(Request))
_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in Request.__annotations__.items()}
_NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})
"""What a field of newer code holds where it is not used: the request then means the same to older code."""
_REVIEW: TypeAdapter[Review] = TypeAdapter(Review)
_DELEGATION: TypeAdapter[Delegation] = TypeAdapter(Delegation)


def to_request(row: Row[Any]) -> Request:
    """Read a request from its row."""
    values = row._mapping
    return Request(**{name: values[name] for name in _FIELDS})


def to_row(request: Request, *, new: bool = False) -> dict[str, Any]:
    """Write a request as a row; a new one has no id yet."""
    values: dict[str, Any] = {name: getattr(request, name) for name in _FIELDS if not (new and name == "id")}
    return values | {"target": request.snapshot.target}


def to_review(row: Row[Any]) -> Review:
    """Read a review from its row."""
    values = row._mapping
    return Review(**{each.name: values[each.name] for each in fields(Review)})


def signed_fields(request: Request) -> dict[str, Any]:
    """Return what an event says of a new request: every field but the workers' own."""
    return signed_changes({name: getattr(request, name) for name in _FIELDS})


def signed_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changed fields as JSON, without the workers' own."""
    return {
        name: _ADAPTERS[name].dump_python(value, mode="json")
        for name, value in changes.items()
        if name not in WORKERS_OWN
    }


def signed_value(value: Any) -> Any:
    """Return what else an event says as JSON: a decision is the only noun among it."""
    return _ADAPTERS["decision"].dump_python(value, mode="json") if isinstance(value, Decision) else value


def from_signed(folded: Mapping[str, Any]) -> Request:
    """Build a request from the fields its events left behind; the workers' own stay at their defaults.

    A field that only newer code knows is passed over as long as it says nothing. Raises: Conflict where it says
    something, so that the newer code goes on with the request.
    """
    unknown = sorted(name for name, value in folded.items() if name not in _ADAPTERS and value not in _NOTHING)
    if unknown:
        raise Conflict(f"{', '.join(unknown)}: only a newer jitbot understands this request.")
    ours = {name: value for name, value in folded.items() if name in _ADAPTERS}
    return Request(**{name: _ADAPTERS[name].validate_python(value) for name, value in ours.items()})


def without_workers_own(request: Request) -> Request:
    """Return the request as its events would rebuild it."""
    return replace(request, due_at=None, version=0, owner="", lease_until=None, fence=0, last_line="", halted="")


def signed_review(review: Review) -> dict[str, Any]:
    """Return a review as its event carries it."""
    dumped: dict[str, Any] = _REVIEW.dump_python(review, mode="json")
    return dumped


def review_from_signed(body: Mapping[str, Any]) -> Review:
    """Read a review back from its event."""
    return _REVIEW.validate_python(body)


def to_delegation(row: Row[Any]) -> Delegation:
    """Read a delegation from its row."""
    values = row._mapping
    return Delegation(**{each.name: values[each.name] for each in fields(Delegation)})


def signed_delegation(delegation: Delegation) -> dict[str, Any]:
    """Return a delegation as its events carry it."""
    dumped: dict[str, Any] = _DELEGATION.dump_python(delegation, mode="json")
    return dumped


def delegation_from_signed(body: Mapping[str, Any]) -> Delegation:
    """Read a delegation back from an event."""
    return _DELEGATION.validate_python(body)
