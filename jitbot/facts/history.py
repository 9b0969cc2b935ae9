"""Looks back: `history.count`, `history.success_rate` and `history.last`, over what the ledger has.

The request that is being decided never counts itself. Needs no network, and is asked anew each time.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from jitbot.errors import FactUnavailable, InvalidInput, StoreUnavailable
from jitbot.model import Became, FactKind, Past, RequestId, UserId
from jitbot.policy.durations import parse_duration
from jitbot.ports import FactSource, History


def place(name: str) -> dict[str, JsonValue]:
    """Mark an argument that policies do not write: it is filled in with what `{name}` stands for."""
    return {"place": name}


def _length(text: str) -> str:
    try:
        parse_duration(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Length = Annotated[str, AfterValidator(_length)]
Of = Annotated[
    tuple[Literal["requester", "action", "target", "all"], ...], BeforeValidator(_listed), Field(min_length=1)
]


class HistoryArguments(BaseModel):
    """What all three take."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    of: Of = Field(
        description="Whose requests: `requester`, `action`, `target`, a list of them (all must be the same), or `all`"
    )
    per: Length = Field(description="How far back, like `24h`")
    rule: str | None = Field(None, max_length=200, description="Only those that this rule decided")
    requester: str = Field(json_schema_extra=place("requester.id"))
    action: str = Field(json_schema_extra=place("request.action"))
    target: str = Field(json_schema_extra=place("request.target"))
    request: int = Field(json_schema_extra=place("request.id"))

    def past(self, became: Became, at: datetime) -> Past:
        """Return which requests count."""
        of = set(self.of)
        return Past(
            since=at - parse_duration(self.per),
            without=RequestId(self.request),
            became=became,
            requester=UserId(self.requester) if "requester" in of else None,
            action=self.action if "action" in of else None,
            target=self.target if "target" in of else None,
            rule=self.rule,
        )


class CountArguments(HistoryArguments):
    """How many requests there were lately, without the one that is being decided."""

    outcome: Became = Field(Became.ASKED, description="What became of them; `asked` is whatever it was")


class RateArguments(HistoryArguments):
    """Which share of what ended lately succeeded, from 0 to 1; what neither succeeded nor failed is left out."""

    missing: float | None = Field(
        None, ge=0, le=1, description="The rate where nothing was done; without it the fact is unread then"
    )


class LastArguments(HistoryArguments):
    """When the last such request was asked, was started or ended, by its outcome."""

    outcome: Became = Field(Became.STARTED, description="What became of it")
    missing: AwareDatetime | None = Field(
        None, description="The instant where there is none, with its zone; without it the fact is unread then"
    )


class _Looking:
    keep = timedelta(0)

    def __init__(self, history: History) -> None:
        self._history = history

    def _count(self, past: Past) -> int:
        try:
            return self._history.count(past)
        except StoreUnavailable as error:
            raise FactUnavailable(str(error)) from error


class HistoryCount(_Looking):
    """How many requests there were lately."""

    Arguments: type[BaseModel] = CountArguments

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind.INTEGER

    def read(self, arguments: BaseModel, at: datetime) -> int:
        assert isinstance(arguments, CountArguments)  # noqa: S101 - the registry has validated them
        return self._count(arguments.past(arguments.outcome, at))


class HistorySuccessRate(_Looking):
    """Which share of what ended lately succeeded, from 0 to 1; what neither succeeded nor failed is left out."""

    Arguments: type[BaseModel] = RateArguments

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind.NUMBER

    def read(self, arguments: BaseModel, at: datetime) -> float:
        assert isinstance(arguments, RateArguments)  # noqa: S101 - the registry has validated them
        good = arguments.past(Became.SUCCEEDED, at)
        succeeded, failed = self._count(good), self._count(replace(good, became=Became.FAILED))
        if succeeded + failed:
            return succeeded / (succeeded + failed)
        if arguments.missing is None:
            raise FactUnavailable(f"nothing succeeded or failed in the last {arguments.per}")
        return arguments.missing


class HistoryLast(_Looking):
    """When there was the last such request."""

    Arguments: type[BaseModel] = LastArguments

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind.INSTANT

    def read(self, arguments: BaseModel, at: datetime) -> datetime:
        assert isinstance(arguments, LastArguments)  # noqa: S101 - the registry has validated them
        try:
            last = self._history.last(arguments.past(arguments.outcome, at)) or arguments.missing
        except StoreUnavailable as error:
            raise FactUnavailable(str(error)) from error
        if last is None:
            raise FactUnavailable(f"there was none in the last {arguments.per}")
        return last


def history_sources(history: History) -> Mapping[str, FactSource]:
    """Return the sources that look into the ledger, by their names."""
    return {
        "history.count": HistoryCount(history),
        "history.last": HistoryLast(history),
        "history.success_rate": HistorySuccessRate(history),
    }


class NoHistory:
    """Stands for the ledger where policies are only checked: nothing is known."""

    def count(self, past: Past) -> int:
        """Say so."""
        raise FactUnavailable("only the running bot looks into its ledger")

    def last(self, past: Past) -> datetime | None:
        """Say so."""
        raise FactUnavailable("only the running bot looks into its ledger")
