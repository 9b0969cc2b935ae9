"""Opsgenie: who is on call by a schedule, and how many alerts are open.

Its API: https://docs.opsgenie.com/docs/api-overview. Atlassian turns it off on 5 April 2027; Jira Service Management
(`jsm.on_call`, `jsm.open_alerts`) takes its place.
"""

from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from jitbot.facts.client import Client
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.alert_search import AlertSearch
from jitbot.facts.vendors.arguments import Address, Arguments, SecretName, Words
from jitbot.facts.vendors.source import PlainSource
from jitbot.model import FactKind
from jitbot.ports import Site


class _Opsgenie(Arguments):
    url: Address = Field(
        "https://api.opsgenie.com",
        description="Where its API is; `https://api.eu.opsgenie.com` for an account in the EU.",
    )
    secret: SecretName = Field(
        "opsgenie", description="The name of the secret that holds the key of an API integration with read access."
    )


class OnCallArguments(_Opsgenie):
    """Who is on call by a schedule, with the users behind its teams and escalations."""

    schedule: Words = Field(description="The schedule, by its id or its name.")
    by: Literal["id", "name"] = Field("id", description="Whether `schedule` is an `id` or a `name`.")


class AlertArguments(_Opsgenie, AlertSearch):
    """How many alerts are open."""


def on_call(site: Site) -> PlainSource[OnCallArguments]:
    """Make the source of who is on call, as e-mail addresses."""
    return PlainSource(site, OnCallArguments, FactKind.PEOPLE, _read_on_call)


def open_alerts(site: Site) -> PlainSource[AlertArguments]:
    """Make the source of how many alerts are open."""
    return PlainSource(site, AlertArguments, FactKind.INTEGER, _count_alerts)


def _read_on_call(told: OnCallArguments, site: Site, at: datetime) -> frozenset[str]:
    """Read https://docs.opsgenie.com/docs/who-is-on-call-api: user names, which are e-mail addresses there."""
    query = {
        "scheduleIdentifierType": told.by,
        "flat": "true",
        "date": at.astimezone(UTC).isoformat(timespec="seconds"),
    }
    url = f"{told.url}/v2/schedules/{quote(told.schedule, safe='')}/on-calls"
    document = _client(told, site).json(url, query)
    return frozenset(answers.email(each, each) for each in answers.texts(document, "data", "onCallRecipients"))


def _count_alerts(told: AlertArguments, site: Site, at: datetime) -> int:
    """Read https://docs.opsgenie.com/docs/alert-api#count-alerts."""
    document = _client(told, site).json(f"{told.url}/v2/alerts/count", {"query": told.query()})
    return answers.number(document, "data", "count")


def _client(told: _Opsgenie, site: Site) -> Client:
    return Client(site, {"authorization": f"GenieKey {site.secret(told.secret)}"})
