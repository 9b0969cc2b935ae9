"""Asks Prometheus one instant query: `prometheus.query`.

API: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from jitbot.errors import FactUnavailable
from jitbot.facts.far_address import LITERAL, FarAddress
from jitbot.facts.placeholders import Given, check, filled
from jitbot.facts.reading import As, as_kind, told_kind
from jitbot.model import FactKind
from jitbot.ports import Site

Wanted = Literal["number", "integer", "boolean", "duration", "instant"]
SERVER_SECONDS = 3
"""How long Prometheus may work on it; less than we wait, so that it gives up first and says so."""


class PrometheusArguments(FarAddress):
    """The value of an instant query: a scalar, or a vector of one element. Warnings mean that it is unread."""

    query: str = Field(
        min_length=1, max_length=2_000, description="PromQL that comes to one value", json_schema_extra=LITERAL
    )
    given: Given = Field({}, alias="with", max_length=20, description="What each `$name` in `query` stands for")
    read_as: Wanted = Field(
        "number",
        alias="as",
        description="What it comes to; 0 and 1 are `boolean`, seconds are `duration` and `instant`",
    )
    empty: bool | int | float | None = Field(
        None, description="The value where the query matches no series; without it the fact is unread then"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            check(self.query, self.given)
        except ValueError as error:
            raise ValueError(f"`query` {error}") from None
        if self.empty is not None:
            try:
                value_of(self.empty, self.read_as)
            except FactUnavailable:
                raise ValueError(f"`empty` is no {self.read_as}") from None
        return self


class PrometheusQuery:
    """The value of an instant query: a scalar, or a vector of one element."""

    Arguments = PrometheusArguments
    keep = timedelta(seconds=15)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell by `as`; shown also arguments that have not been validated."""
        return told_kind(arguments, "number")

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask at Prometheus' own present time."""
        assert isinstance(arguments, PrometheusArguments)  # noqa: S101 - the registry has validated them
        asked = {"query": filled(arguments.query, arguments.given), "timeout": f"{SERVER_SECONDS}s"}
        answer = arguments.client(self._site).json(arguments.at("/api/v1/query"), asked)
        value = _sample(answer)
        if value is None:
            if arguments.empty is None:
                raise FactUnavailable("the query matches no series")
            value = arguments.empty
        return value_of(value, arguments.read_as)


def value_of(value: Any, wanted: Wanted) -> Any:
    """Return a sample, or what stands for one, as what is wanted. Raises: FactUnavailable."""
    if wanted == "boolean" and not isinstance(value, bool):
        number = as_kind(value, As.NUMBER)
        if number not in (0, 1):
            raise FactUnavailable(f"the query comes to {number:g}, and only 0 and 1 are false and true")
        return number == 1
    return as_kind(value, As(wanted))


def _sample(answer: Any) -> Any:
    """Return the one sample of an answer, None for an empty vector. Raises: FactUnavailable."""
    if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(answer.get("data"), dict):
        raise FactUnavailable("the answer is not that of Prometheus")
    if answer.get("warnings"):
        raise FactUnavailable("the answer comes with warnings, so it may be only a part")
    kind, result = answer["data"].get("resultType"), answer["data"].get("result")
    if kind == "scalar":
        return _value(result)
    if kind != "vector" or not isinstance(result, list):
        raise FactUnavailable("the query comes to neither a scalar nor a vector")
    if len(result) > 1:
        raise FactUnavailable(f"the query matches {len(result)} series, and one is needed: use sum() or max()")
    return _value(result[0].get("value") if isinstance(result[0], dict) else None) if result else None


def _value(pair: Any) -> str:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
        raise FactUnavailable("the answer is not that of Prometheus")
    return pair[1]
