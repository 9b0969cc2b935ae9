"""A made-up moment to decide in: who is who, who is on call, what the facts are, and what cannot be read.

The bot's own reader of facts works on it, through ports that answer from the scene and never from the network. So
nested groups, deadlines and what is unread come out as they would in the bot.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import DirectoryUnavailable, FactUnavailable, NotFound
from jitbot.model import (
    Attribute,
    Delegation,
    DelegationId,
    FactCall,
    FactKind,
    Facts,
    Freeze,
    Given,
    Group,
    Person,
    Policy,
    Request,
    Span,
    Tally,
    UserId,
)
from jitbot.ports import FactSource, Ledger, Sources
from jitbot.service.facts import FactsReader, StandIns


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment. `groups` and `on_call` hold who is directly in each; one that is not there has nobody in it.

    `facts` are by name, with the types that conditions see; one that is not there is unread. `unread` says of
    selectors (`group:NAME`, `oncall:NAME`), attributes (`attribute:NAME`), calendars (`freeze:NAME`) and facts
    (`facts.NAME`) why they cannot be read.
    """

    at: datetime
    people: Mapping[UserId, Person]
    groups: Mapping[str, Collection[UserId]] = field(default_factory=dict)
    on_call: Mapping[str, Collection[UserId]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    frozen: Collection[str] = ()
    """The freezes whose calendars say now that they hold."""
    tally: Tally = field(default_factory=Tally)
    """What the ledger would count; a quota that is not among it is unread."""

    overdue: bool | None = False
    """Whether the requester lets a review after break-glass wait too long; None where that is unread."""
    attributes: Mapping[UserId, Mapping[str, Any]] = field(default_factory=dict)
    """What people have of each attribute, before what the files say."""
    from_files: bool = False
    """Whether attributes are otherwise as the files say; if not, nobody has any."""
    stand_ins: Mapping[UserId, UserId] = field(default_factory=dict)
    """Who stands in for whom, by the one stood in for."""

    def name(self, user: UserId) -> str:
        """Return what a person is called here."""
        person = self.people.get(user)
        return person.name if person else user


def staged(policy: Policy, scene: Scene) -> Policy:
    """Return the policy with its people and facts read from the scene; what is nested in groups stays nested."""
    return replace(
        policy,
        groups={name: _group(group, scene) for name, group in policy.groups.items()},
        on_call={name: replace(call, source=f"oncall:{name}") for name, call in policy.on_call.items()},
        attributes={name: _attribute(each, scene) for name, each in policy.attributes.items()},
        facts=_calls(policy.facts),
        calendar=replace(
            policy.calendar, freezes={name: _freeze(freeze) for name, freeze in policy.calendar.freezes.items()}
        ),
        actions={name: replace(action, facts=_calls(action.facts)) for name, action in policy.actions.items()},
    )


def calendars(policy: Policy) -> list[str]:
    """Return the names of the freezes that go by a calendar."""
    return [name for name, freeze in policy.calendar.freezes.items() if freeze.calendar is not None]


def read_facts(policy: Policy, request: Request, people: Collection[UserId], scene: Scene, sources: Sources) -> Facts:
    """Read the facts of a staged policy as the bot would."""
    clock = cast(Ledger, _Clock(scene.at))  # all that reading facts asks of a ledger is the time
    directory, asked = _Directory(scene), _Sources(policy, scene, sources)
    overdue = {None: None, True: (0,), False: ()}[scene.overdue]
    reader = FactsReader(directory, clock, asked, _standing(scene), overdue=lambda user: overdue)
    try:
        return replace(reader.read(policy, request.action, people, request), tally=scene.tally)
    finally:
        reader.close()


def _group(group: Group, scene: Scene) -> Group:
    lost = (group.name,) if f"group:{group.name}" in scene.unread else ()
    return replace(group, users=tuple(scene.groups.get(group.name, ())), emails=(), usergroups=lost)


def _attribute(attribute: Attribute, scene: Scene) -> Attribute:
    """Return an attribute with what is said of people; a source is never asked, so what it would say is unread."""
    name = f"attribute:{attribute.name}"
    unread = name in scene.unread
    given = dict(attribute.given) if scene.from_files else {}
    given |= {str(who): Given(of[attribute.name]) for who, of in scene.attributes.items() if attribute.name in of}
    source = FactCall(attribute.name, name, {}, FactKind.ATTRIBUTES) if unread else None
    return replace(attribute, given=given, source=source, personal=False)


def _standing(scene: Scene) -> StandIns:
    """Return who stands in for whom, as the scene has it."""
    day = timedelta(days=1)
    found = tuple(
        Delegation(DelegationId(number), away, deputy, "", scene.at - day, scene.at + day)
        for number, (away, deputy) in enumerate(scene.stand_ins.items(), start=1)
    )
    return lambda groups, at, unread: found


def _freeze(freeze: Freeze) -> Freeze:
    calendar = freeze.calendar
    return replace(freeze, calendar=calendar and replace(calendar, source=f"freeze:{freeze.name}"))


def _calls(calls: Sequence[FactCall]) -> tuple[FactCall, ...]:
    return tuple(replace(call, source=f"facts.{call.name}|{call.source}") for call in calls)


@dataclass(frozen=True, slots=True)
class _Clock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class _Directory:
    """Implements `ports.Directory`."""

    scene: Scene

    def person(self, user: UserId) -> Person:
        if user not in self.scene.people:
            raise NotFound(f"there is nobody called {user} here")
        return self.scene.people[user]

    def known(self, user: UserId) -> Person | None:
        return self.scene.people.get(user)

    def by_email(self, email: str) -> UserId | None:
        return next((each.id for each in self.scene.people.values() if each.email == email), None)

    def usergroup(self, handle: str) -> frozenset[UserId]:
        raise DirectoryUnavailable(self.scene.unread[f"group:{handle}"])


class _NoArguments(BaseModel):
    """What a rota or calendar of the scene is asked with."""


class _Given:
    """Implements `ports.FactSource` with one answer; the arguments are the real source's own."""

    Arguments = BaseModel
    keep = timedelta(0)

    def __init__(self, kind: FactKind, values: Mapping[str, Any], key: str, why: str) -> None:
        self._kind, self._values, self._key, self._why = kind, values, key, why

    def kind(self, arguments: BaseModel) -> FactKind:
        return self._kind

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        if self._why or self._key not in self._values:
            raise FactUnavailable(self._why or "nobody says here what it is")
        return self._values[self._key]


@dataclass(frozen=True, slots=True)
class _Sources:
    """Implements `ports.Sources`: arguments are checked by the real sources, answers come from the scene."""

    policy: Policy
    scene: Scene
    real: Sources

    def names(self) -> Sequence[str]:
        return self.real.names()

    def source(self, name: str) -> FactSource:
        key = name.partition("|")[0]
        kind, _, own = key.partition(":")
        if kind == "oncall":
            rota = {own: frozenset(self.scene.on_call.get(own, ()))}
            return _Given(FactKind.PEOPLE, rota, own, self.scene.unread.get(key, ""))
        if kind == "attribute":
            return _Given(FactKind.ATTRIBUTES, {}, own, self.scene.unread.get(key, ""))
        if kind == "freeze":
            day = timedelta(days=1)
            on = (Span(self.scene.at - day, self.scene.at + day, own),) if own in self.scene.frozen else ()
            return _Given(FactKind.SPANS, {own: on}, own, self.scene.unread.get(key, ""))
        return _Given(FactKind.TEXT, self.scene.facts, key.removeprefix("facts."), self.scene.unread.get(key, ""))

    def kind(self, name: str, values: Mapping[str, Any]) -> FactKind:
        return self.real.kind(name.partition("|")[2], values)

    def literal(self, name: str) -> frozenset[str]:
        return self.real.literal(name.partition("|")[2])

    def implied(self, name: str) -> Mapping[str, str]:
        return self.real.implied(name.partition("|")[2])

    def arguments(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        own = name.partition("|")[2]
        return (
            self.real.arguments(own, values) if own else _NoArguments()
        )  # those of rotas and calendars were checked at load
