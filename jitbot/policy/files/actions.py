"""Actions, as a team's file declares them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from jitbot.model import Action, FactCall, Limits, Parameter, ParameterType, ReasonRule, Timebox, Verification
from jitbot.policy.cel.names import LITERALS, all_names
from jitbot.policy.durations import format_duration
from jitbot.policy.files.calendar import Dates
from jitbot.policy.files.complaints import check
from jitbot.policy.files.facts import FactReader, Sources
from jitbot.policy.files.fields import pretty, read_parameter, unfit_pattern
from jitbot.policy.files.for_each import one_at_a_time, read_for_each
from jitbot.policy.files.inputs import Catalog, check_pool, check_runner, check_templates
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.rules import RuleReader, Scope
from jitbot.policy.files.schema import ActionKeys, LimitsKeys, TeamHead, TimeboxKeys
from jitbot.policy.files.selectors import People, read_selectors
from jitbot.policy.files.verification import VerifyReader
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown

ACTION_NAME = re.compile("[a-z][a-z0-9-]{0,39}")
RESERVED = ("help", "status", "mine", "pending", "withdraw", "drop", "why", "extend", "audit", "delegate", "halt")
"""Words of `/jit` itself."""

CHANNEL = re.compile(r"#[^\s#,]{1,80}|[CG][A-Z0-9]{2,30}")


@dataclass(frozen=True, slots=True)
class World:
    """What all files together define; `names` are all actions declared anywhere, faulty ones too."""

    catalog: Catalog
    sources: Sources
    people: People
    names: Mapping[str, Place]
    dates: Dates


def declared(documents: Collection[Document], issues: Issues) -> dict[str, Place]:
    """Return where each action is declared first, noting names that are taken or cannot be used."""
    places: dict[str, Place] = {}
    for document in documents:
        actions = document.value.get("actions") if isinstance(document.value, dict) else None
        for name in actions if isinstance(actions, dict) else ():
            place = document.key(("actions", name))
            fault = _name_fault(name)
            if name in places:
                fault = f"there is an action {shown(name)} already, at {places[name]}; names are unique over all files."
            if fault:
                issues.add(place, fault)
            places.setdefault(name, place)
    return places


def read_team(document: Document, world: World, issues: Issues) -> dict[str, Action]:
    """Read one team's file; an action with faults is left out."""
    head = check(TeamHead, document, (), issues)
    if head is None:
        return {}
    if not CHANNEL.fullmatch(head.channel):
        issues.add(
            document.at(("channel",)), f"{shown(head.channel)} is not a channel; write '#name', or a channel id."
        )
    actions = {}
    for name in head.actions:
        keys = check(ActionKeys, document, ("actions", name), issues)
        if keys:
            actions[name] = _ActionReader(document, keys, ("actions", name), world, issues).read(head)
    return actions


def closed_sets(parameters: Collection[Parameter], world: World) -> dict[str, Collection[str]]:
    """Return the names that have only certain values, with those values."""
    choices = (ParameterType.CHOICE, ParameterType.MULTI_CHOICE)
    known: dict[str, Collection[str]] = {**LITERALS, "request.action": world.names}
    if world.people.whole:
        known |= {"requester.groups": world.people.groups, "requester.on_call": world.people.on_call}
    if world.dates.whole:
        known |= {"windows": world.dates.calendar.windows, "freeze.names": world.dates.calendar.freezes}
    known |= {
        f"requester.attributes.{each.name}": ("", *each.options)
        for each in world.people.attributes.values()
        if each.options
    }
    return known | {f"params.{field.name}": field.options for field in parameters if field.type in choices}


def _name_fault(name: str) -> str:
    if name in RESERVED:
        return f"an action cannot be called {shown(name)}: `/jit {name}` means something else."
    if not ACTION_NAME.fullmatch(name):
        return f"{shown(name)} cannot be an action's name; use 1 to 40 of a-z, 0-9 and -, a letter first."
    return ""


@dataclass(frozen=True, slots=True)
class _ActionReader:
    """Reads one action whose keys are as they should be."""

    document: Document
    keys: ActionKeys
    path: Path
    world: World
    issues: Issues

    def read(self, head: TeamHead) -> Action:
        keys, name, before = self.keys, str(self.path[-1]), len(self.issues)
        parameters = self._parameters()
        facts = FactReader(self.document, self.world.sources, self.issues).values(
            (*self.path, "facts"), keys.facts, parameters
        )
        names = all_names(self.world.people.attributes.values(), facts, parameters)
        scope = Scope(
            self.world.people,
            None if len(facts) < len(keys.facts) else names,
            closed_sets(parameters, self.world),
            lapse_after=keys.lapse_after,
        )
        rules = RuleReader(self.document, scope, self.issues).read((*self.path, "rules"), keys.rules)
        requesters = (*self.path, "requesters")
        waves = read_for_each(self.document, (*self.path, "for_each"), keys, parameters, self.issues)
        place = self.document.key(self.path)
        action = Action(
            name=name,
            title=keys.title or pretty(name),
            team=head.team,
            channel=head.channel,
            runner=keys.runner,
            inputs=keys.inputs,
            parameters=parameters,
            requesters=read_selectors(self.document, requesters, keys.requesters, self.world.people, self.issues),
            rules=rules,
            facts=facts,
            reason=self._reason(),
            timebox=self._timebox(keys.timebox),
            limits=self._limits(keys.limits),
            verify=self._verify(scope, facts, parameters),
            for_each=waves,
            beneficiary=self._beneficiary(parameters),
            description=keys.description,
            risk=keys.risk,
            lapse_after=keys.lapse_after,
            start_within=keys.start_within,
            start_later=keys.start_later.max if keys.start_later else None,
            time_limit=keys.time_limit,
            pool=keys.pool,
            where=f"{place.file}:{place.line}",
        )
        check_pool(self.document, self.path, keys.pool, self.world.catalog, self.issues)
        self._check_inputs(one_at_a_time(parameters, waves), faulty=len(self.issues) > before)
        return action

    def _parameters(self) -> tuple[Parameter, ...]:
        fields = self.keys.parameters.items()
        below = (*self.path, "parameters")
        return tuple(read_parameter(self.document, (*below, name), keys, self.issues) for name, keys in fields)

    def _check_inputs(self, parameters: Sequence[Parameter], *, faulty: bool) -> None:
        before = len(self.issues)
        if self.keys.inputs:
            names = [parameter.name for parameter in parameters]
            check_templates(self.document, (*self.path, "with"), names, self.issues)
        if not faulty and len(self.issues) == before:
            check_runner(self.document, self.path, parameters, self.world.catalog, self.issues)

    def _verify(
        self, scope: Scope, facts: tuple[FactCall, ...], parameters: tuple[Parameter, ...]
    ) -> Verification | None:
        if self.keys.verify is None:
            return None
        reader = VerifyReader(self.document, (*self.path, "verify"), scope, self.issues)
        return reader.read(self.keys.verify, facts, parameters, grant=self.keys.timebox is not None)

    def _limits(self, keys: LimitsKeys | None) -> Limits | None:
        if keys is None:
            return None
        for name in ("held", "held_by_one"):
            if getattr(keys, name) is not None and self.keys.timebox is None:
                message = f"`{name}` counts grants, and without a `timebox` nothing is held; leave it out."
                self.issues.add(self.document.key((*self.path, "limits", name)), message)
        return Limits(keys.held, keys.held_by_one, keys.cool_down)

    def _beneficiary(self, parameters: tuple[Parameter, ...]) -> str:
        name = self.keys.beneficiary
        people = [parameter.name for parameter in parameters if parameter.type is ParameterType.USER]
        if name is None or name in people:
            return name or ""
        there = f"It has {listed(people, 'and')}." if people else "It has none."
        message = f"{shown(name)} is not a parameter of type user of this action.{did_you_mean(name, people)} {there}"
        self.issues.add(self.document.at((*self.path, "beneficiary")), message)
        return ""

    def _reason(self) -> ReasonRule:
        keys = self.keys.reason
        fault = unfit_pattern(keys.pattern) if keys.pattern is not None else ""
        if fault:
            self.issues.add(self.document.at((*self.path, "reason", "pattern")), fault)
        return ReasonRule(keys.required, keys.pattern, keys.hint)

    def _timebox(self, keys: TimeboxKeys | None) -> Timebox | None:
        if keys is None:
            return None
        if keys.default > keys.max:
            default, most = format_duration(keys.default), format_duration(keys.max)
            message = f"the default of {default} is longer than the maximum of {most}."
            self.issues.add(self.document.at((*self.path, "timebox", "default")), message)
        return Timebox(keys.default, keys.max)
