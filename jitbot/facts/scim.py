"""Attributes of people from a SCIM 2.0 server, as most identity providers have one: `scim.users`.

Its API: RFC 7644, section 3.4.2, and RFC 7643, section 4.1. Whoever is not active there has no attributes.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jitbot.errors import FactUnavailable
from jitbot.facts.attribute_values import Pointers, add, values_at
from jitbot.facts.client import Client
from jitbot.model import FactKind
from jitbot.ports import Site

PAGE = 200
MOST_PAGES = 50


class ScimArguments(BaseModel):
    """What `scim.users` takes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(pattern="^https?://", description="The server's base URL, as in https://idp.example/scim/v2")
    secret: str = Field(
        "scim", description="The name of the secret that holds its bearer token", json_schema_extra={"secret": True}
    )
    attributes: Pointers = Field(
        min_length=1, max_length=50, description="Where each attribute stands in a user: {role: /title}"
    )
    email: str | None = Field(None, description="Ask only for this address, as in '{requester.email}'")
    filter_by: Literal["emails.value", "userName"] = Field(
        "emails.value", description="By what the server can look for an address"
    )


class ScimUsers:
    """Reads everybody's attributes, or one person's."""

    Arguments = ScimArguments
    keep = timedelta(minutes=2)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell that it comes to attributes."""
        return FactKind.ATTRIBUTES

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Read page by page, and keep who is active and has an address."""
        assert isinstance(arguments, ScimArguments)  # noqa: S101 - the registry has validated them
        headers = {
            "accept": "application/scim+json, application/json",
            "authorization": f"Bearer {self._site.secret(arguments.secret)}",
        }
        found: dict[str, dict[str, Any]] = {}
        for user in _users(Client(self._site, headers), arguments):
            address = _address(user)
            other = arguments.email is not None and address.casefold() != arguments.email.casefold()
            if address and user.get("active", True) is True and not other:
                add(found, address, values_at(user, arguments.attributes))
        return found


def _users(client: Client, arguments: ScimArguments) -> Iterator[Mapping[str, Any]]:
    """Yield all users; an end before the announced number is no end. Raises: FactUnavailable."""
    query: dict[str, Any] = {"count": PAGE}
    if arguments.email is not None:
        query["filter"] = f"{arguments.filter_by} eq {json.dumps(arguments.email, ensure_ascii=False)}"
    seen = 0
    for _ in range(MOST_PAGES):
        page = client.json(f"{arguments.url.rstrip('/')}/Users", {**query, "startIndex": seen + 1})
        total, users = _page(page)
        yield from users
        seen += len(users)
        if seen >= total:
            return
        if not users:
            raise FactUnavailable(f"it announced {total} users and sent {seen}")
    raise FactUnavailable(f"it has more than {MOST_PAGES} pages of users")


def _page(page: Any) -> tuple[int, list[Mapping[str, Any]]]:
    total = page.get("totalResults") if isinstance(page, dict) else None
    users = page.get("Resources", []) if isinstance(page, dict) else None
    if type(total) is not int or not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise FactUnavailable("the answer is no list of SCIM users")
    return total, users


def _address(user: Mapping[str, Any]) -> str:
    """Return a user's address: the primary one, else the first, else a user name that is one; empty for none."""
    emails = [
        each for each in user.get("emails") or [] if isinstance(each, dict) and isinstance(each.get("value"), str)
    ]
    emails.sort(key=lambda each: each.get("primary") is not True)
    candidates = [*(each["value"] for each in emails), user.get("userName")]
    return next((each for each in candidates if isinstance(each, str) and "@" in each), "")
