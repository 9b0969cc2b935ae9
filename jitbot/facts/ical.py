"""Calendar feeds (iCalendar, RFC 5545): times of freezes by `ical.events`, and who is on call by `ical.on_call`.

A rota that is kept elsewhere mostly has such a feed: Grafana OnCall, PagerDuty, Opsgenie and shared calendars do.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self
from zoneinfo import available_timezones

import re2
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from jitbot.errors import FactUnavailable
from jitbot.facts.client import Client
from jitbot.model import CALENDAR_AHEAD, FactKind, Span
from jitbot.policy.patterns import pattern_fault
from jitbot.ports import Site

SECONDS = 4.7
"""How long asking for a feed and reading it may take together; a decision waits five seconds for all its facts."""
BACK = timedelta(days=1)
AHEAD = CALENDAR_AHEAD + timedelta(days=7)
"""What is remembered is asked about a while later, so a little more is read than is promised."""

_COMMAND = (sys.executable, "-I", "-m", "jitbot.facts.ical_reader")
_HEADERS = {"accept": "text/calendar, */*"}
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_SLACK_ID = re.compile(r"[UW][A-Z0-9_]{1,30}")
_LEVEL = re.compile(r"^\[[^]]*\]")
"""What Grafana OnCall puts before the name: `[L1] ann`."""
_SECRET = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"  # noqa: S105 - the form of a secret's name

Event = dict[str, Any]


class Feed(BaseModel):
    """Where a calendar is read, and which of its events count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(None, description="The feed's address, https:// or http://.")
    url_from: str | None = Field(
        None,
        pattern=_SECRET,
        description="The name of the secret that holds the address: a private one is a key.",
        json_schema_extra={"secret": True},
    )
    secret: str | None = Field(
        None,
        pattern=_SECRET,
        description="The name of the secret that holds a bearer token.",
        json_schema_extra={"secret": True},
    )
    zone: str = Field("UTC", description="Time zone of whole days, and of times that name none.")
    summary: str | None = Field(None, description="RE2 pattern that some part of an event's title must match.")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("must be an address that begins with https:// (write it for webcal:// too)")
        return value

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is no time zone; write it like Europe/Berlin or UTC")
        return value

    @field_validator("summary")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        fault = pattern_fault(value or "")
        if fault:
            raise ValueError(f"is not a pattern (RE2): {fault}")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_from is None):
            raise ValueError("needs either `url`, or `url_from` with the name of a secret")
        return self


Place = Literal["attendee", "organizer", "summary", "description"]


class Rota(Feed):
    """A calendar of shifts, and where its events say whose they are."""

    named_by: list[Place] = Field(
        ["attendee", "summary"],
        min_length=1,
        description="Where e-mail addresses are looked for; the first of these that has any counts.",
    )
    people: dict[str, str] = Field(
        {}, description="Names as titles have them, with the e-mail address or Slack id of each."
    )

    @field_validator("people")
    @classmethod
    def _reachable(cls, value: dict[str, str]) -> dict[str, str]:
        for person in value.values():
            if not _EMAIL.fullmatch(person) and not _SLACK_ID.fullmatch(person):
                raise ValueError(f"{person!r} is neither an e-mail address nor a Slack id")
        return value


class CalendarEvents:
    """`ical.events`: when the events of a calendar take place, repeated ones too."""

    Arguments = Feed
    keep = timedelta(minutes=1)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind.SPANS

    def read(self, arguments: BaseModel, at: datetime) -> tuple[Span, ...]:
        """Return every event that is not over a day before, and begins within `AHEAD`."""
        assert isinstance(arguments, Feed)  # noqa: S101 - validated by this model
        return tuple(
            Span(_instant(event["start"]), _instant(event["end"]), event["summary"])
            for event in _events(arguments, self._site, at - BACK, at + AHEAD)
        )


class CalendarOnCall:
    """`ical.on_call`: whom the events name that take place now."""

    Arguments = Rota
    keep = timedelta(minutes=1)

    def __init__(self, site: Site) -> None:
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind.PEOPLE

    def read(self, arguments: BaseModel, at: datetime) -> frozenset[str]:
        """Return who is on call; nobody where no event takes place, and unread where one does not say whose it is."""
        assert isinstance(arguments, Rota)  # noqa: S101 - validated by this model
        found: set[str] = set()
        for event in _events(arguments, self._site, at, at + timedelta(microseconds=1)):
            found |= _whose(event, arguments)
        return frozenset(found)


def _whose(event: Event, rota: Rota) -> set[str]:
    """Return the people of a shift, by address or by name. Raises: FactUnavailable where one of them is not known."""
    for place in rota.named_by:
        named = _named(event[place])
        if named:
            return named
    names = [name.strip() for name in _LEVEL.sub("", event["summary"]).split(",")]
    if all(name in rota.people for name in names):
        return {rota.people[name] for name in names}
    lacking = f"no e-mail address in its {' or '.join(rota.named_by)}, and no name of `people`"
    raise FactUnavailable(f"the event {event['summary'][:60]!r} has {lacking}")


def _named(text: str | Sequence[str]) -> set[str]:
    """Return the addresses in a text, or those of a list that are any."""
    return {address.lower() for each in ([text] if isinstance(text, str) else text) for address in _EMAIL.findall(each)}


def _events(feed: Feed, site: Site, start: datetime, end: datetime) -> list[Event]:
    """Ask for the feed and have it read. Raises: FactUnavailable, NotGranted."""
    address = feed.url if feed.url is not None else site.secret(str(feed.url_from))
    token = {} if feed.secret is None else {"authorization": f"Bearer {site.secret(feed.secret)}"}
    until = time.monotonic() + SECONDS
    text = Client(site, _HEADERS | token).text(address)
    asked = {"start": start.isoformat(), "end": end.isoformat(), "zone": feed.zone}
    found = _read(json.dumps(asked) + "\n" + text, until - time.monotonic())
    if feed.summary is None:
        return found
    pattern = re2.compile(feed.summary)
    return [event for event in found if pattern.search(event["summary"])]


def _read(question: str, seconds: float) -> list[Event]:
    """Let a process of its own read a feed, and end it when that takes too long. It is given none of our secrets."""
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by the interpreter that runs us; no shell
            _COMMAND,
            input=question.encode(errors="replace"),
            capture_output=True,
            env={},
            timeout=seconds,
            check=True,
            start_new_session=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise FactUnavailable(f"the calendar takes longer than {SECONDS:g} s to be read") from None
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise FactUnavailable("the calendar could not be read here") from error
    if "fault" in answer:
        raise FactUnavailable(str(answer["fault"]))
    events: list[Event] = answer["events"]
    return events


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
