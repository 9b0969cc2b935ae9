"""Reads one value out of the JSON that a URL answers: `http.json`."""

from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from pydantic import BaseModel, Field, model_validator

from jitbot.errors import FactUnavailable
from jitbot.facts.far_address import LITERAL, FarAddress
from jitbot.facts.json_path import LONGEST, PathText, found, parsed
from jitbot.facts.placeholders import Given, check, filled
from jitbot.facts.reading import As, as_kind, told_kind
from jitbot.model import FactKind
from jitbot.outbound.addresses import Step
from jitbot.ports import Site


class HttpJsonArguments(FarAddress):
    """One value out of the JSON that a URL answers, by its JSONPath (RFC 9535)."""

    path: tuple[Step, ...] = Field((), max_length=50, description="Further steps of the URL, each quoted as one")
    query: dict[str, str] = Field({}, max_length=50, description="Names and values, quoted")
    value: str = Field(
        min_length=1, max_length=LONGEST, description="The JSONPath of the value", json_schema_extra=LITERAL
    )
    given: Given = Field({}, alias="with", max_length=20, description="What each `$name` in `value` stands for")
    read_as: As | None = Field(None, alias="as", description="What it comes to; `integer` where matches are counted")
    count: bool = Field(False, description="Whether the number of matches is the value")
    needs: PathText | None = Field(
        None, description="A JSONPath that must match too, or the answer is not believed", json_schema_extra=LITERAL
    )
    missing: bool | int | float | str | list[str] | None = Field(
        None, description="The value where nothing matches; without it the fact is unread then"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            check(self.value, self.given)
            parsed(self.looked_for)
        except ValueError as error:
            raise ValueError(f"`value` {error}") from None
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.count and self.read_as not in (None, As.INTEGER):
            raise ValueError("`count` comes to an integer; leave `as` out")
        if not self.count and self.read_as is None:
            raise ValueError("`as` is needed: what the value comes to")
        if self.missing is not None:
            try:
                as_kind(self.missing, self.wanted)
            except FactUnavailable:
                raise ValueError(f"`missing` is no {self.wanted.value}") from None
        return self

    @property
    def wanted(self) -> As:
        """What it comes to."""
        return As.INTEGER if self.count else self.read_as or As.INTEGER

    @property
    def looked_for(self) -> str:
        """The path, with what `with` gives."""
        return filled(self.value, self.given)

    @property
    def address(self) -> str:
        """The URL with its steps."""
        return "/".join(
            [self.url.rstrip("/") if self.path else self.url, *(quote(step, safe="") for step in self.path)]
        )


class HttpJson:
    """Reads one value out of the JSON that a URL answers, by its JSONPath (RFC 9535)."""

    Arguments = HttpJsonArguments
    keep = timedelta(seconds=15)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell by `as` and `count`; shown also arguments that have not been validated."""
        if getattr(arguments, "count", False) is True:
            return FactKind.INTEGER
        return told_kind(arguments)

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask once, and read the one value that the path matches."""
        assert isinstance(arguments, HttpJsonArguments)  # noqa: S101 - the registry has validated them
        document = arguments.client(self._site).json(arguments.address, arguments.query)
        values = found(arguments.looked_for, document)
        if arguments.needs is not None and not found(arguments.needs, document):
            raise FactUnavailable(f"the answer has nothing at {arguments.needs}, so it is not believed")
        if not values:
            if arguments.missing is None:
                raise FactUnavailable(f"the answer has nothing at {arguments.value}")
            return as_kind(arguments.missing, arguments.wanted)
        if arguments.count:
            return len(values)
        return as_kind(_one(values, arguments), arguments.wanted)


def _one(values: list[Any], arguments: HttpJsonArguments) -> Any:
    if len(values) == 1 and not (arguments.wanted is As.TEXTS and isinstance(values[0], str)):
        return values[0]
    if arguments.wanted is As.TEXTS:
        return values
    raise FactUnavailable(f"the answer has {len(values)} values at {arguments.value}, and one is needed")
