"""Asks a status page of Statuspage's kind: `statuspage.status`.

API: https://metastatuspage.com/api (summary); the words are those of https://developer.statuspage.io
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from jitbot.errors import FactUnavailable
from jitbot.facts.far_address import FarAddress
from jitbot.model import FactKind
from jitbot.ports import Site

INDICATORS = frozenset({"none", "minor", "major", "critical", "maintenance"})
COMPONENT = frozenset({"operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"})
OPEN = frozenset({"investigating", "identified", "monitoring"})
OVER = frozenset({"resolved", "postmortem"})
_STRANGE = "the answer is not that of a status page"


class StatuspageArguments(FarAddress):
    """What a page of Statuspage's kind says: how things are, what is unresolved, or how one component is."""

    of: Literal["indicator", "incidents", "component"] = Field(
        "indicator",
        description="`indicator`: how it is as a whole, `none`, `minor`, `major`, `critical` or `maintenance`; "
        "`incidents`: how many are unresolved; `component`: how one is, `operational` and so on",
    )
    component: str = Field("", max_length=200, description="The name or id of the component")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.of == "component") != bool(self.component):
            raise ValueError("`component` is needed with `of: component`, and with nothing else")
        return self


class StatuspageStatus:
    """What a status page says: how things are, how many incidents are unresolved, or how one component is."""

    Arguments = StatuspageArguments
    keep = timedelta(seconds=30)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell by `of`."""
        return FactKind.INTEGER if getattr(arguments, "of", "indicator") == "incidents" else FactKind.TEXT

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask for the summary."""
        assert isinstance(arguments, StatuspageArguments)  # noqa: S101 - the registry has validated them
        summary = arguments.client(self._site).json(arguments.at("/api/v2/summary.json"))
        if not isinstance(summary, dict):
            raise FactUnavailable(_STRANGE)
        if arguments.of == "incidents":
            return sum(_word(incident, "status", OPEN | OVER) in OPEN for incident in _list(summary, "incidents"))
        if arguments.of == "component":
            return _word(_component(summary, arguments.component), "status", COMPONENT)
        return _word(summary.get("status"), "indicator", INDICATORS)


def _list(summary: Mapping[str, Any], key: str) -> list[Any]:
    found = summary.get(key)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise FactUnavailable(_STRANGE)
    return found


def _component(summary: Mapping[str, Any], wanted: str) -> Any:
    found = [each for each in _list(summary, "components") if wanted in (each.get("id"), each.get("name"))]
    if len(found) != 1:
        raise FactUnavailable(f"the page has {len(found) or 'no'} components of that name; say which by its id")
    return found[0]


def _word(where: Any, key: str, known: frozenset[str]) -> str:
    word = where.get(key) if isinstance(where, dict) else None
    if not isinstance(word, str) or word not in known:
        raise FactUnavailable(_STRANGE)
    return word
