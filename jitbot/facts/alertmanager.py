"""Asks Alertmanager what is firing and what is silenced: `alertmanager.firing`, `alertmanager.silenced`.

API: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import re2
from pydantic import BaseModel, Field

from jitbot.errors import FactUnavailable
from jitbot.facts.far_address import FarAddress
from jitbot.facts.reading import As, as_kind, told_kind
from jitbot.model import FactKind
from jitbot.ports import Site

Label = Annotated[str, Field(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]
Labelled = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Never empty: to Alertmanager an empty text means a label that is not there."""


class FiringArguments(FarAddress):
    """How many alerts fire that are neither silenced nor inhibited, or what they are called."""

    match: dict[Label, Labelled | tuple[Labelled, ...]] = Field(
        {}, max_length=20, description="Labels that alerts must have, each a text or a list of which one will do"
    )
    read_as: Literal["integer", "texts"] = Field(
        "integer", alias="as", description="`integer`: how many; `texts`: their names (`alertname`), sorted"
    )


class AlertmanagerFiring:
    """How many alerts fire that are neither silenced nor inhibited, or what they are called."""

    Arguments = FiringArguments
    keep = timedelta(seconds=10)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell by `as`; shown also arguments that have not been validated."""
        return told_kind(arguments, "integer")

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask once; alerts that do not match after all mean that the answer cannot be believed."""
        assert isinstance(arguments, FiringArguments)  # noqa: S101 - the registry has validated them
        query = {"active": "true", "silenced": "false", "inhibited": "false", "filter": _filters(arguments.match)}
        answer = arguments.client(self._site).json(arguments.at("/api/v2/alerts"), query)
        alerts = [_labels(alert, arguments.match) for alert in _objects(answer)]
        if arguments.read_as == "integer":
            return len(alerts)
        return sorted({labels.get("alertname", "") for labels in alerts})


class SilencedArguments(FarAddress):
    """Whether an alert with these labels would be silenced now, or until when."""

    labels: dict[Label, Labelled] = Field(
        min_length=1, max_length=20, description="The labels of an alert; those left out are taken as absent"
    )
    read_as: Literal["boolean", "duration", "instant"] = Field(
        "boolean",
        alias="as",
        description="`boolean`: whether it would be silenced; `duration`: for how long still, 0 if not; "
        "`instant`: until when, unread if not",
    )


class AlertmanagerSilenced:
    """Whether an alert with these labels would be silenced now, or until when."""

    Arguments = SilencedArguments
    keep = timedelta(seconds=10)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell by `as`; shown also arguments that have not been validated."""
        return told_kind(arguments, "boolean")

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask once for all silences, and hold each that is active against the labels."""
        assert isinstance(arguments, SilencedArguments)  # noqa: S101 - the registry has validated them
        silences = list(_objects(arguments.client(self._site).json(arguments.at("/api/v2/silences"))))
        ends = [_end(silence) for silence in silences if _active(silence) and _mutes(silence, arguments.labels)]
        if arguments.read_as == "boolean":
            return bool(ends)
        if arguments.read_as == "duration":
            return max([*(end - at for end in ends), timedelta(0)])
        if not ends:
            raise FactUnavailable("there is no such silence, so it has no end")
        return max(ends)


def _objects(answer: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise FactUnavailable("the answer is not that of Alertmanager")
    yield from answer


def _filters(match: Mapping[str, str | tuple[str, ...]]) -> list[str]:
    """Write matchers as Alertmanager reads them; a list becomes a pattern of quoted texts, which it anchors."""
    return [
        f'{label}="{_quoted(wanted)}"'
        if isinstance(wanted, str)
        else f'{label}=~"{_quoted("|".join(re2.escape(each) for each in wanted))}"'
        for label, wanted in match.items()
    ]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _labels(alert: Mapping[str, Any], match: Mapping[str, str | tuple[str, ...]]) -> Mapping[str, str]:
    """Return an alert's labels, having seen that it is one that was asked for."""
    labels, status = alert.get("labels"), alert.get("status")
    if not isinstance(labels, dict) or not isinstance(status, dict):
        raise FactUnavailable("the answer is not that of Alertmanager")
    fits = all(
        labels.get(label) in ((wanted,) if isinstance(wanted, str) else wanted) for label, wanted in match.items()
    )
    if not fits or status.get("silencedBy") or status.get("inhibitedBy"):
        raise FactUnavailable("the answer has alerts that were not asked for")
    return labels


def _active(silence: Mapping[str, Any]) -> bool:
    status = silence.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    if state not in ("active", "pending", "expired"):
        raise FactUnavailable("the answer is not that of Alertmanager")
    return bool(state == "active")


def _mutes(silence: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    matchers = silence.get("matchers")
    if not isinstance(matchers, list) or not matchers:
        raise FactUnavailable("the answer has a silence without matchers")
    return all(_holds(matcher, labels) for matcher in matchers)


def _holds(matcher: Any, labels: Mapping[str, str]) -> bool:
    """Hold one matcher against labels, as Alertmanager does: absent labels are empty texts, patterns are anchored."""
    try:
        name, value, pattern, equal = (matcher[key] for key in ("name", "value", "isRegex", "isEqual"))
        found = re2.fullmatch(value, labels.get(name, "")) is not None if pattern else labels.get(name, "") == value
    except (KeyError, TypeError, re2.error):
        raise FactUnavailable("the answer has a silence with a matcher that cannot be read") from None
    return bool(found == equal)


def _end(silence: Mapping[str, Any]) -> datetime:
    end: datetime = as_kind(silence.get("endsAt"), As.INSTANT)
    return end
