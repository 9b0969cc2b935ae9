"""PagerDuty: who is on call by schedules or escalation policies, and which incidents are open on services.

Its API: https://developer.pagerduty.com/api-reference/ (REST API v2). A list is empty also for misspelt ids, so an
empty one is believed only after PagerDuty has shown what was asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from jitbot.facts.client import Client
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.arguments import Address, Arguments, Id, SecretName, Several
from jitbot.facts.vendors.source import PlainSource
from jitbot.model import FactKind
from jitbot.ports import Site

PAGE = 100
"""The most that one page holds: https://developer.pagerduty.com/docs/pagination."""

Level = Annotated[int, Field(ge=1, le=20)]
Status = Literal["triggered", "acknowledged"]


class _PagerDuty(Arguments):
    url: Address = Field(
        "https://api.pagerduty.com",
        description="Where its API is; `https://api.eu.pagerduty.com` for an account in the EU region.",
    )
    secret: SecretName = Field(
        "pagerduty", description="The name of the secret that holds an API key; a read-only one is enough."
    )


class OnCallArguments(_PagerDuty):
    """Who is on call: by schedules, by escalation policies, or by schedules as escalation policies use them."""

    schedule: Several[Id] = Field((), description="Ids of schedules, one or a list: `PI7DH85`.")
    escalation_policy: Several[Id] = Field((), description="Ids of escalation policies, one or a list.")
    level: Several[Level] = Field((), description="Only these levels of escalation, one or a list; all if left out.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if not self.schedule and not self.escalation_policy:
            raise ValueError("name a `schedule`, an `escalation_policy`, or both")
        return self


class IncidentArguments(_PagerDuty):
    """Incidents of services that are not resolved."""

    service: Several[Id] = Field(description="Ids of services, one or a list: `PIJ90N7`.", min_length=1)
    urgency: Several[Literal["high", "low"]] = Field((), description="Only `high` or only `low`; both if left out.")
    status: Several[Status] = Field(
        ("triggered", "acknowledged"),
        description="Which incidents count as open; both kinds if left out.",
        min_length=1,
    )


def on_call(site: Site) -> PlainSource[OnCallArguments]:
    """Make the source of who is on call, as e-mail addresses."""
    return PlainSource(site, OnCallArguments, FactKind.PEOPLE, _read_on_call)


def open_incidents(site: Site) -> PlainSource[IncidentArguments]:
    """Make the source of how many incidents are open."""
    return PlainSource(site, IncidentArguments, FactKind.INTEGER, lambda *asked: len(_read_incidents(*asked)))


def incidents(site: Site) -> PlainSource[IncidentArguments]:
    """Make the source of the numbers of open incidents, as texts."""
    return PlainSource(site, IncidentArguments, FactKind.TEXTS, lambda *asked: list(_read_incidents(*asked).values()))


def _read_on_call(told: OnCallArguments, site: Site, at: datetime) -> frozenset[str]:
    """Read https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls.

    What touches the second is asked for, and what does not hold at the instant is left out here: ends are exclusive.
    """
    client = _client(told, site)
    query = {
        "schedule_ids[]": told.schedule,
        "escalation_policy_ids[]": told.escalation_policy,
        "include[]": "users",
        "time_zone": "UTC",
        "since": answers.utc(at),
        "until": answers.utc(at + timedelta(seconds=1)),
    }
    shifts = [shift for shift in _pages(client, told, "oncalls", query) if _holds(shift, told, at)]
    if not shifts:
        _confirm(client, told, "schedules", told.schedule)
        _confirm(client, told, "escalation_policies", told.escalation_policy)
    return frozenset(_email(shift) for shift in shifts)


def _read_incidents(told: IncidentArguments, site: Site, at: datetime) -> Mapping[str, str]:
    """Read https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents: ids with their numbers.

    Without a date range only the last month would be looked at.
    """
    client = _client(told, site)
    query = {
        "service_ids[]": told.service,
        "urgencies[]": told.urgency,
        "statuses[]": told.status,
        "date_range": "all",
    }
    pages = _pages(client, told, "incidents", query)
    found = {answers.text(row, "id"): str(answers.number(row, "incident_number")) for row in pages}
    if not found:
        _confirm(client, told, "services", told.service)
    return found


def _client(told: _PagerDuty, site: Site) -> Client:
    headers = {
        "authorization": f"Token token={site.secret(told.secret)}",
        "accept": "application/vnd.pagerduty+json;version=2",
    }
    return Client(site, headers)


def _pages(client: Client, told: _PagerDuty, name: str, query: Mapping[str, Any]) -> Iterator[answers.Row]:
    for page in answers.page_numbers():
        document = client.json(f"{told.url}/{name}", {**query, "limit": PAGE, "offset": page * PAGE})
        yield from answers.rows(document, name)
        if not answers.flag(document, "more"):
            return


def _confirm(client: Client, told: _PagerDuty, kind: str, ids: Sequence[str]) -> None:
    """See that these exist. Raises: FactUnavailable."""
    for each in ids:
        client.json(f"{told.url}/{kind}/{each}")


def _holds(shift: answers.Row, told: OnCallArguments, at: datetime) -> bool:
    """Tell whether a shift holds at an instant, on a level that counts; one without a start or an end always does."""
    if told.level and answers.number(shift, "escalation_level") not in told.level:
        return False
    start, end = answers.part(shift, "start"), answers.part(shift, "end")
    return (start is None or answers.instant(start) <= at) and (end is None or at < answers.instant(end))


def _email(shift: answers.Row) -> str:
    user = answers.part(shift, "user")
    return answers.email(user.get("email") if isinstance(user, dict) else None, answers.text(user, "id"))
