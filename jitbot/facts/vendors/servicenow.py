"""ServiceNow: whether the change request that a text names exists and is as it has to be, or what its state is.

Its API is the Table API: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html. It leaves out what
it does not understand of a query and answers with other records, so a record is believed only for its number.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, Field

from jitbot.errors import FactUnavailable
from jitbot.facts.client import Client, refusal
from jitbot.facts.vendors import answers
from jitbot.facts.vendors.arguments import Address, FieldName, Pattern, SecretName, Several, only
from jitbot.facts.vendors.credentials import Scheme, authorization
from jitbot.facts.vendors.tickets import Look, Ticket, TicketArguments, TicketSource
from jitbot.outbound.exchange import Answer
from jitbot.ports import Site

NOT_FOUND = 404

Table = Annotated[
    str, only(r"[a-z][a-z0-9_]{0,79}", "a table's name: a small letter, then small letters, digits and _")
]


class ChangeArguments(TicketArguments):
    """A change request, or a record of another table that has a number and a state."""

    url: Address = Field(description="The instance: `https://acme.service-now.com`.")
    table: Table = Field("change_request", description="The table; `change_request` if left out.")
    secret: SecretName = Field(
        "servicenow", description="The name of the secret that holds `user:password`, or a token with `auth: bearer`."
    )
    auth: Scheme = Field("basic", description="`basic` with user and password, or `bearer` with an OAuth token.")
    find: Pattern = Field("CHG[0-9]+", description="Pattern (RE2) of a number; `CHG[0-9]+` if left out.")
    named_in: Several[FieldName] = Field(
        ("cmdb_ci", "business_service", "short_description"),
        description="The fields that have to name it; cmdb_ci, business_service and short_description if left out.",
        min_length=1,
    )


class ChangeSource(TicketSource):
    """Implements `ports.FactSource`; see `ChangeArguments` for what it can be told."""

    Arguments: type[BaseModel] = ChangeArguments
    number: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z]{2,10}[0-9]{1,15}")
    """Neither `^` nor `=` nor a colon: nothing that means something in an encoded query."""
    status_field: ClassVar[str] = "state"

    def __init__(self, site: Site) -> None:
        self._site = site

    def look(self, told: ChangeArguments) -> Look:
        header = authorization(self._site, told.secret, told.auth, "user:password")
        client = Client(self._site, {"authorization": header})
        return lambda number: _record(client, told, number)

    def moment(self, written: str) -> datetime:
        """Read `2026-11-25 09:00:00`, which is UTC in the value that is stored."""
        try:
            return datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise FactUnavailable("a field of the window holds something that is no date with a time") from None


def _record(client: Client, told: ChangeArguments, number: str) -> Ticket | None:
    window = [told.window.start, told.window.end] if told.window else []
    named = told.named_in if told.names else ()
    query = {
        "sysparm_query": f"number={number}",
        "sysparm_fields": ",".join(dict.fromkeys(["number", "state", *told.fields, *named, *window])),
        "sysparm_display_value": "all",
        "sysparm_exclude_reference_link": "true",
        "sysparm_limit": 2,
    }
    answer = client.answer(f"{told.url}/api/now/table/{told.table}", query, also=(NOT_FOUND,))
    document = client.document(answer)
    if answer.status == NOT_FOUND:
        _believe_absence(answer, document)
        return None
    records = answers.rows(document, "result")
    if not records:
        _see_that_none_is_hidden(answer)
        return None
    if len(records) > 1 or answers.text(records[0], "number", "value").upper() != number:
        raise FactUnavailable(f"it answers with other records than {number}")
    fields = {name: _words(value, as_stored=name in window) for name, value in records[0].items()}
    return Ticket(answers.text(records[0], "state", "display_value"), fields)


def _believe_absence(answer: Answer, document: Any) -> None:
    """See that a 404 is about the record, as some releases answer, and not about the table. Raises: FactUnavailable."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or error.get("message") != "No Record found":
        raise FactUnavailable(refusal(answer))


def _see_that_none_is_hidden(answer: Answer) -> None:
    """See that nothing was found. Raises: FactUnavailable where records were found that we may not read."""
    if answer.headers.get("x-total-count", "0") != "0":
        raise FactUnavailable("it has such a record, but our account may not read it")


def _words(value: Any, *, as_stored: bool) -> Sequence[str]:
    """Return what a field shows and what it stores; of an instant only the latter, which is in UTC."""
    parts = ("value",) if as_stored else ("display_value", "value")
    found = [answers.part(value, part) for part in parts]
    if not all(isinstance(each, str) or each is None for each in found):
        raise FactUnavailable("a field of the record is of a kind that cannot be compared")
    return tuple(dict.fromkeys(each for each in found if each))
