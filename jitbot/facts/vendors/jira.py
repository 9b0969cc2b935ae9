"""Jira: whether the issue that a text names exists and is as it has to be, or what its status is.

Its API: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/ (Cloud) and
https://developer.atlassian.com/server/jira/platform/rest/ (Data Center). An issue is asked for by its key and never
searched for.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from jitbot.errors import FactUnavailable
from jitbot.facts.client import Client, refusal
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.arguments import Address, FieldName, SecretName, Several
from jitbot.facts.vendors.credentials import authorization
from jitbot.facts.vendors.tickets import Look, Ticket, TicketArguments, TicketSource
from jitbot.outbound.exchange import Answer
from jitbot.ports import Site

NOT_FOUND = 404


class IssueArguments(TicketArguments):
    """An issue of Jira Cloud or Jira Data Center."""

    url: Address = Field(description="The Jira site: `https://acme.atlassian.net`.")
    edition: Literal["cloud", "data-center"] = Field("cloud", description="`cloud` or `data-center`.")
    secret: SecretName = Field(
        "jira",
        description="The name of the secret that holds `e-mail:token`; in Data Center, a personal access token.",
    )
    named_in: Several[FieldName] = Field(
        ("summary", "components", "labels"),
        description="The fields that have to name it, by their ids; summary, components and labels if left out.",
        min_length=1,
    )


class IssueSource(TicketSource):
    """Implements `ports.FactSource`; see `IssueArguments` for what it can be told."""

    Arguments: type[BaseModel] = IssueArguments
    number: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z][A-Z0-9_]{1,49}-[1-9][0-9]{0,14}")
    """https://confluence.atlassian.com/adminjiraserver/changing-the-project-key-format-938847081.html."""
    status_field: ClassVar[str] = "status"

    def __init__(self, site: Site) -> None:
        self._site = site

    def look(self, told: IssueArguments) -> Look:
        scheme: Literal["basic", "bearer"] = "basic" if told.edition == "cloud" else "bearer"
        client = Client(self._site, {"authorization": authorization(self._site, told.secret, scheme, "e-mail:token")})
        return lambda key: _issue(client, told, key)

    def moment(self, written: str) -> datetime:
        """Read `2026-11-25T10:00:00.000+0100`; a date alone says nothing of the hour, and is refused."""
        return answers.instant(written)


def _issue(client: Client, told: IssueArguments, key: str) -> Ticket | None:
    version = "3" if told.edition == "cloud" else "2"
    window = [told.window.start, told.window.end] if told.window else []
    wanted = dict.fromkeys(["status", *told.fields, *(told.named_in if told.names else ()), *window])
    url = f"{told.url}/rest/api/{version}/issue/{quote(key, safe='')}"
    answer = client.answer(url, {"fields": ",".join(wanted)}, also=(NOT_FOUND,))
    if answer.status == NOT_FOUND:
        _believe_absence(client, answer)
        return None
    document = client.document(answer)
    known_as = answers.text(document, "key")
    if known_as.upper() != key:
        raise FactUnavailable(f"{key} was moved to another project; name it by its key there")
    fields = answers.part(document, "fields")
    status = answers.text(fields, "status", "name")
    return Ticket(status, {name: tuple(_words(fields[name])) for name in wanted if name in fields})


def _believe_absence(client: Client, answer: Answer) -> None:
    """See that a 404 is about the issue. Raises: FactUnavailable.

    Jira answers 404 also to who is not signed in or has a token that has expired, and so does any wrong address. It is
    believed in Jira's own form, and where Jira names whom it knows us as: `X-AAccountId` in Cloud
    (https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#special-headers), `X-AUSERNAME` in Data Center.
    """
    known_as = answer.headers.get("x-aaccountid") or answer.headers.get("x-ausername", "")
    if known_as.lower() in ("", "anonymous"):
        raise FactUnavailable(f"{refusal(answer)}, or not us: it does not say that we are signed in")
    answers.texts(client.document(answer), "errorMessages")


def _words(value: Any) -> Iterator[str]:
    """Yield the words in a field: a text, an option, a list of them, rich text. Raises: FactUnavailable."""
    waiting = [value]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, str):
            yield each
        elif isinstance(each, bool | int | float):
            yield str(each).lower()
        elif isinstance(each, list):
            waiting[:0] = each
        elif isinstance(each, dict):
            waiting[:0] = _inside(each)


def _inside(value: dict[str, Any]) -> list[Any]:
    """Return what an object says for people: an option's name, value and key, the parts of a rich text."""
    if not value.keys() & {"name", "value", "key", "type"}:
        raise FactUnavailable("a field of the issue is of a kind that cannot be compared")
    return [value[part] for part in ("name", "value", "key", "text", "content", "child") if part in value]
