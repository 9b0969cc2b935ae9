"""Faults a test switches on: what goes wrong, where, and how often."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from jitbot.sandbox.refusals import ActRefusal

Kind = Literal[
    "error",
    "http_500",
    "http_500_after",
    "ratelimited",
    "drop",
    "drop_after",
    "slow",
    "hang",
    "duplicate",
    "lost_ack",
    "late",
    "much_later",
    "other_socket",
    "skewed",
]
_PLACES = ("delivery", "response_url", "socket", "upload")


class Fault(BaseModel):
    """One fault; `times` 0 means until it is removed."""

    model_config = ConfigDict(extra="forbid")

    on: str
    kind: Kind
    times: int = 0
    delay: float = 0.0
    retry_after: int = 1
    error: str = "internal_error"
    struck: int = 0

    def is_over(self) -> bool:
        """Say whether it has struck as often as it may."""
        return 0 < self.times <= self.struck


_FAULTS = TypeAdapter(list[Fault])


class Faults:
    """The faults in force, the first that fits strikes."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def replace(self, faults: Any) -> None:
        """Put these in force instead of the present ones."""
        try:
            self._faults = _FAULTS.validate_python(faults)
        except ValidationError as error:
            first = error.errors()[0]
            raise ActRefusal("invalid_fault", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def listed(self) -> list[dict[str, Any]]:
        """Return them with how often each struck."""
        return [fault.model_dump() for fault in self._faults]

    def on_call(self, method: str) -> Fault | None:
        """Return the fault that strikes a Web API call."""
        return self._strike(lambda on: not on.startswith(_PLACES) and fnmatchcase(method, on))

    def on_place(self, *places: str) -> Fault | None:
        """Return the fault that strikes at one of these places, for example `delivery:block_actions`."""
        return self._strike(lambda on: on in places)

    def _strike(self, fits: Any) -> Fault | None:
        for fault in self._faults:
            if fits(fault.on) and not fault.is_over():
                fault.struck += 1
                return fault
        return None
