"""Jira Service Management operations, the successor of Opsgenie: who is on call, and how many alerts are open.

Its API: https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/intro/. It names people by account ids;
their e-mail addresses are asked of the Jira site.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from jitbot.errors import FactUnavailable
from jitbot.facts.client import Client
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.alert_search import AlertSearch
from jitbot.facts.vendors.arguments import Address, Arguments, Id, SecretName
from jitbot.facts.vendors.credentials import authorization
from jitbot.facts.vendors.source import PlainSource
from jitbot.model import FactKind
from jitbot.ports import Site

PAGE = 100
MOST_USERS = 100
"""So many account ids are put into one question; Jira takes 200 at most."""


class _Jsm(Arguments):
    cloud: Id = Field(
        description="The cloud id of the site: `https://SITE.atlassian.net/_edge/tenant_info` shows it.",
    )
    url: Address = Field("https://api.atlassian.com/jsm/ops/api", description="Where the operations API is.")
    secret: SecretName = Field(
        "jira", description="The name of the secret that holds `e-mail:token` of an Atlassian account."
    )


class OnCallArguments(_Jsm):
    """Who is on call by a schedule, with the users behind its teams and escalations."""

    schedule: Id = Field(description="The id of the schedule.")
    site: Address = Field(
        description="The Jira site, which knows e-mail addresses: `https://acme.atlassian.net`. The account must be "
        "able to see them."
    )


class AlertArguments(_Jsm, AlertSearch):
    """How many alerts are open."""


def on_call(site: Site) -> PlainSource[OnCallArguments]:
    """Make the source of who is on call, as e-mail addresses."""
    return PlainSource(site, OnCallArguments, FactKind.PEOPLE, _read_on_call)


def open_alerts(site: Site) -> PlainSource[AlertArguments]:
    """Make the source of how many alerts are open."""
    return PlainSource(site, AlertArguments, FactKind.INTEGER, _count_alerts)


def _read_on_call(told: OnCallArguments, site: Site, at: datetime) -> frozenset[str]:
    """Read https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-schedule-on-calls/."""
    client = _client(told, site)
    url = f"{told.url}/{told.cloud}/v1/schedules/{told.schedule}/on-calls"
    accounts = answers.texts(client.json(url, {"flat": "true", "date": answers.utc(at)}), "onCallUsers")
    found: set[str] = set()
    for first in range(0, len(accounts), MOST_USERS):
        found |= _emails(client, told.site, accounts[first : first + MOST_USERS])
    return frozenset(found)


def _emails(client: Client, jira: str, accounts: Sequence[str]) -> set[str]:
    """Read https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/, where ten is the default."""
    query = {"accountId": accounts, "maxResults": len(accounts)}
    users = answers.rows(client.json(f"{jira}/rest/api/3/user/bulk", query), "values")
    known = {answers.text(user, "accountId"): user.get("emailAddress") for user in users}
    return {answers.email(known.get(account), account) for account in accounts}


def _count_alerts(told: AlertArguments, site: Site, at: datetime) -> int:
    """Read https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-alerts/ page by page."""
    found: set[str] = set()
    total = 0
    for document in _pages(_client(told, site), told):
        found |= {answers.text(alert, "id") for alert in answers.rows(document, "values")}
        total = answers.number(document, "count")
    if total > len(found):
        raise FactUnavailable("it counts more open alerts than it shows")
    return len(found)


def _pages(client: Client, told: AlertArguments) -> Iterator[Any]:
    for page in answers.page_numbers():
        query = {"query": told.query(), "size": PAGE, "offset": page * PAGE, "sort": "insertedAt", "order": "desc"}
        document = client.json(f"{told.url}/{told.cloud}/v1/alerts", query)
        yield document
        links = document.get("links")
        if not (isinstance(links, dict) and links.get("next")):
            return


def _client(told: _Jsm, site: Site) -> Client:
    return Client(site, {"authorization": authorization(site, told.secret, "basic", "e-mail:token")})
