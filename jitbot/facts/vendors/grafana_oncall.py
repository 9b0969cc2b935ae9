"""Grafana OnCall, in Grafana Cloud IRM or of one's own: who is on call by a schedule, how many alert groups are open.

Its API: https://grafana.com/docs/oncall/latest/oncall-api-reference/. Pages are followed by the query of their `next`
alone, so that an answer cannot lead the token elsewhere.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from jitbot.facts.client import Client
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.arguments import Address, Arguments, Id, SecretName, Several
from jitbot.facts.vendors.source import PlainSource
from jitbot.model import FactKind
from jitbot.ports import Site

DAY = timedelta(days=1)


class _OnCall(Arguments):
    url: Address = Field(
        description="Where its API is, without `/api/v1`: `https://oncall-prod-us-central-0.grafana.net/oncall`."
    )
    secret: SecretName = Field("grafana-oncall", description="The name of the secret that holds an API token.")
    grafana: Address | None = Field(
        None,
        description="In Grafana Cloud, the stack that a service account's token is of: `https://acme.grafana.net`.",
    )


class OnCallArguments(_OnCall):
    """Who is on call by a schedule."""

    schedule: Id = Field(description="The id of the schedule: `SBM7DV7BKFUYU`.")


class AlertGroupArguments(_OnCall):
    """How many alert groups of integrations are open."""

    integration: Several[Id] = Field(description="Ids of integrations, one or a list: `CFRPV98RPR1U8`.", min_length=1)
    state: Several[Literal["new", "acknowledged", "silenced"]] = Field(
        ("new", "acknowledged"),
        description="Which alert groups count as open; `new` and `acknowledged` if left out.",
        min_length=1,
    )


def on_call(site: Site) -> PlainSource[OnCallArguments]:
    """Make the source of who is on call, as e-mail addresses."""
    return PlainSource(site, OnCallArguments, FactKind.PEOPLE, _read_on_call)


def open_alert_groups(site: Site) -> PlainSource[AlertGroupArguments]:
    """Make the source of how many alert groups are open."""
    return PlainSource(site, AlertGroupArguments, FactKind.INTEGER, _count_alert_groups)


def _read_on_call(told: OnCallArguments, site: Site, at: datetime) -> frozenset[str]:
    """Read the final shifts of https://grafana.com/docs/oncall/latest/oncall-api-reference/schedules/.

    They are cut at the days asked for, so the days before and after are asked for too.
    """
    days = {name: f"{(at + more).astimezone(UTC):%Y-%m-%d}" for name, more in _DAYS.items()}
    shifts = _pages(_client(told, site), told, f"schedules/{told.schedule}/final_shifts", days)
    return frozenset(
        answers.email(answers.part(shift, "user_email"), answers.text(shift, "user_pk"))
        for shift in shifts
        if answers.instant(answers.part(shift, "shift_start")) <= at < answers.instant(answers.part(shift, "shift_end"))
    )


_DAYS = {"start_date": -DAY, "end_date": DAY}


def _count_alert_groups(told: AlertGroupArguments, site: Site, at: datetime) -> int:
    """Read https://grafana.com/docs/oncall/latest/oncall-api-reference/alertgroups/, which filters by one value each.

    What it does not know has no alert groups either, so an integration without any has to show that it exists.
    """
    client = _client(told, site)
    found: set[str] = set()
    for integration in told.integration:
        queries = [{"integration_id": integration, "state": state} for state in told.state]
        groups = {answers.text(each, "id") for query in queries for each in _pages(client, told, "alert_groups", query)}
        if not groups:
            client.json(f"{told.url}/api/v1/integrations/{integration}/")
        found |= groups
    return len(found)


def _client(told: _OnCall, site: Site) -> Client:
    token = site.secret(told.secret)
    if told.grafana is None:
        return Client(site, {"authorization": token})
    return Client(site, {"authorization": f"Bearer {token}", "x-grafana-url": told.grafana})


def _pages(client: Client, told: _OnCall, path: str, query: Mapping[str, Any]) -> Iterator[answers.Row]:
    """Yield the results of all pages. A trailing slash is part of the paths, without it we are sent elsewhere."""
    more: Mapping[str, Any] = {}
    for _ in answers.page_numbers():
        document = client.json(f"{told.url}/api/v1/{path}/", {**query, **more})
        yield from answers.rows(document, "results")
        following = answers.part(document, "next")
        if not following:
            return
        more = parse_qs(urlsplit(str(following)).query)
