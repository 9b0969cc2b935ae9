"""Attributes of people from any JSON that a URL answers: `http.attributes`.

The people are a list of objects, or one object whose keys are the people.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from jitbot.errors import FactUnavailable
from jitbot.facts.attribute_values import Pointer, Pointers, add, values_at
from jitbot.facts.client import Client
from jitbot.model import FactKind
from jitbot.outbound.pointer import look_up
from jitbot.ports import Site


class HttpAttributesArguments(BaseModel):
    """What `http.attributes` takes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(pattern="^https?://", description="What is asked")
    query: dict[str, str] = Field({}, max_length=20, description="Its query, as in {email: '{requester.email}'}")
    secret: str | None = Field(
        None, description="The name of a secret that is sent as a bearer token", json_schema_extra={"secret": True}
    )
    people: Pointer = Field("", description="Where the people stand in the answer; the whole of it if left out")
    person: Pointer | None = Field(
        None, description="Where a Slack id or e-mail address stands in each; the key of each if left out"
    )
    attributes: Pointers = Field(
        min_length=1, max_length=50, description="Where each attribute stands in a person: {role: /role}"
    )


class HttpAttributes:
    """Reads everybody's attributes with one question."""

    Arguments = HttpAttributesArguments
    keep = timedelta(minutes=1)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell that it comes to attributes."""
        return FactKind.ATTRIBUTES

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Ask once, and take out who has what."""
        assert isinstance(arguments, HttpAttributesArguments)  # noqa: S101 - the registry has validated them
        token = None if arguments.secret is None else self._site.secret(arguments.secret)
        client = Client(self._site, {} if token is None else {"authorization": f"Bearer {token}"})
        document = client.json(arguments.url, arguments.query)
        found: dict[str, dict[str, Any]] = {}
        for who, person in _people(document, arguments):
            if not isinstance(who, str) or not who:
                raise FactUnavailable(f"somebody has nothing at {arguments.person}, and nobody knows who it is")
            add(found, who, values_at(person, arguments.attributes))
        return found


def _people(document: Any, arguments: HttpAttributesArguments) -> Iterator[tuple[Any, Any]]:
    """Yield each person with what is said of them. Raises: FactUnavailable."""
    try:
        people = look_up(document, arguments.people)
    except LookupError:
        raise FactUnavailable(f"the answer has nothing at {arguments.people}") from None
    if isinstance(people, dict) and arguments.person is None:
        yield from people.items()
    elif isinstance(people, list | dict) and arguments.person is not None:
        for each in people if isinstance(people, list) else people.values():
            yield values_at(each, {"person": arguments.person}).get("person"), each
    else:
        kind = "a list, so `person` has to say where each one's id stands" if isinstance(people, list) else "no people"
        raise FactUnavailable(f"at {arguments.people or 'the top'} is {kind}")
