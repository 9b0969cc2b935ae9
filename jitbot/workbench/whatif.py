"""`jitbot policy explain`: what would be decided, from the files alone and from what is said on the command line.

Nothing is looked up: groups hold the Slack ids and e-mail addresses that `people.yml` has. What only another system
knows (Slack user groups, rotas, facts) is unread unless it is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import FactKind, Kind, Person, Policy, Tally, UserId, Verdict
from jitbot.policy.attributes import NAME
from jitbot.policy.break_glass import OVERDUE
from jitbot.policy.durations import parse_duration
from jitbot.policy.files.selectors import USER_ID
from jitbot.policy.wanted import wanted
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.service.drafting import find_action
from jitbot.slack.oneliner import parse
from jitbot.slack.text import escape
from jitbot.workbench.rehearsal import Asked, Bench, Rehearsal, rehearse
from jitbot.workbench.scene import Scene, calendars
from jitbot.workbench.values import fact_from_text


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What was said on the command line.

    `groups` and `on_call` are `NAME`, or `NAME=WHO,WHO`; `facts`, and `attributes` of whoever asks, `NAME=VALUE`.
    """

    words: Sequence[str]
    requester: str
    at: datetime
    kind: Kind = Kind.PERSON
    reason: str | None = None
    ttl: str = ""
    targets: int | None = None
    groups: Sequence[str] = ()
    on_call: Sequence[str] = ()
    facts: Sequence[str] = ()
    attributes: Sequence[str] = ()
    used: Sequence[str] = ()
    frozen: Sequence[str] = ()
    unread: Sequence[str] = ()
    approved_by: Sequence[str] = ()
    waited: str = ""
    overdue: bool | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What came of it; `not_read` says of what could not be read here how to say it."""

    scene: Scene
    rehearsal: Rehearsal
    not_read: Mapping[str, str] = field(default_factory=dict)


def explain_what_if(bench: Bench, said: WhatIf) -> Explained:
    """Decide what was said. Raises: InvalidInput, NotFound."""
    asked = _asked(bench.policy, said)
    scene = _Crowd(bench.policy, said).scene(asked)
    who = _People(bench.policy)
    reviews = [(who.find(each), Verdict.APPROVE) for each in said.approved_by]
    came = rehearse(bench, scene, asked, reviews)
    unread = came.decision.unread if came.decision else ()
    return Explained(scene, came, {name: how for name in unread if (how := _how(name, bench.policy))})


def _asked(policy: Policy, said: WhatIf) -> Asked:
    typed = parse(" ".join(_word(word) for word in said.words)).typed
    if typed is None:
        raise InvalidInput("Say which action, and its values as key=value.")
    find_action(policy, typed.action)
    requester = _People(policy).find(said.requester)
    reason = said.reason if said.reason is not None else typed.reason or None
    looks_at_more = any(name.startswith("plan.") for name in wanted(policy, typed.action).names)
    return Asked(
        typed.action,
        requester,
        typed.params,
        reason,
        said.ttl or typed.ttl,
        targets=None if looks_at_more else said.targets,
        starts_at=typed.at,
        break_glass=typed.break_glass,
        waited=parse_duration(said.waited) if said.waited else None,
    )


def _word(word: str) -> str:
    """Write a word of the shell so that the one-liner's grammar reads it as one."""
    key, equals, value = word.partition("=")
    if not equals:
        return escape(word)
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return escape(f'{key}="{quoted}"')


class _People:
    """Finds people by what is said of them; who has no Slack id in the files gets a made-up one."""

    def __init__(self, policy: Policy) -> None:
        self._emails = dict.fromkeys(email for group in policy.groups.values() for email in group.emails)

    def find(self, text: str) -> UserId:
        """Return who is meant by a Slack id, an e-mail address, or a name. Raises: InvalidInput."""
        bare = text.strip().removeprefix("<@").removesuffix(">").removeprefix("@")
        if USER_ID.fullmatch(bare):
            return UserId(bare)
        mine = [email for email in self._emails if bare in (email, email.partition("@")[0])]
        made = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in (mine or [bare])[0])
        user = UserId(f"U_{made.upper()[:28]}")
        if not bare or not USER_ID.fullmatch(user):
            raise InvalidInput(f"{shown(text)} is nobody; write a Slack id, an e-mail address or a name.")
        return user

    def person(self, user: UserId, said: str = "") -> Person:
        email = next((each for each in self._emails if self.find(each) == user), None)
        return Person(user, "", email or said.removeprefix("@") or user, email=email)


class _Crowd:
    """Puts together who is where."""

    def __init__(self, policy: Policy, said: WhatIf) -> None:
        self._policy = policy
        self._said = said
        self._people = _People(policy)

    def scene(self, asked: Asked) -> Scene:
        said, policy = self._said, self._policy
        requester = replace(self._people.person(asked.requester, said.requester), kind=said.kind)
        groups = {name: self._members(name) for name in policy.groups}
        named = self._named(said.groups, policy.groups, "group", requester.id)
        for name, who in named.items():
            groups[name] = groups[name] | who
        on_call = self._named(said.on_call, policy.on_call, "rota", requester.id)
        unread = {
            f"group:{name}": "" for name, group in policy.groups.items() if group.usergroups and name not in named
        }
        unread |= {f"oncall:{name}": "" for name in policy.on_call if name not in on_call}
        unread |= {f"attribute:{each.name}": "" for each in policy.attributes.values() if each.source is not None}
        frozen = self._frozen()
        unread |= {f"freeze:{name}": "" for name in calendars(policy) if name not in frozen}
        self._check_unread(asked.action)
        unread |= dict.fromkeys(said.unread, "")
        everybody = {user for who in (*groups.values(), *on_call.values()) for user in who}
        people = {user: self._people.person(user) for user in everybody}
        people |= {
            user: self._people.person(user, each) for each in said.approved_by for user in [self._people.find(each)]
        }
        people[requester.id] = requester
        why = dict.fromkeys(unread, "it is not looked up here")
        return Scene(
            said.at,
            people,
            groups,
            on_call,
            self._facts(asked.action),
            why,
            tuple(name for name, holds in frozen.items() if holds),
            tally=Tally(self._used(asked.action)),
            attributes={requester.id: self._attributes()},
            overdue=said.overdue,
            from_files=True,
        )

    def _used(self, action: str) -> dict[str, int]:
        """Read `RULE=NUMBER`."""
        quotas = [rule.name for rule in self._policy.actions[action].rules if rule.quota is not None]
        found = {}
        for text in self._said.used:
            name, _, number = text.rpartition("=")
            if name not in quotas:
                raise InvalidInput(_unknown("rule with a quota", name or text, quotas))
            if not number.isascii() or not number.isdigit():
                raise InvalidInput(f"{shown(text)}: how often {shown(name)} was used must be a whole number.")
            found[name] = int(number)
        return found

    def _frozen(self) -> dict[str, bool]:
        """Read `NAME`, which holds now, or `NAME=no`."""
        found = {}
        for text in self._said.frozen:
            name, equals, value = text.partition("=")
            if name not in calendars(self._policy) or (equals and value not in ("yes", "no")):
                known = [f"{each}, {each}=no" for each in calendars(self._policy)]
                raise InvalidInput(_unknown("freeze with a calendar", text, known))
            found[name] = value != "no"
        return found

    def _members(self, name: str) -> frozenset[UserId]:
        group = self._policy.groups[name]
        return frozenset([*group.users, *(self._people.find(email) for email in group.emails)])

    def _named(
        self, said: Sequence[str], known: Mapping[str, Any], what: str, requester: UserId
    ) -> dict[str, frozenset[UserId]]:
        """Read `NAME`, which is about the requester, or `NAME=WHO,WHO`."""
        found: dict[str, frozenset[UserId]] = {}
        for text in said:
            name, equals, who = text.partition("=")
            if name not in known:
                raise InvalidInput(_unknown(what, name, sorted(known)))
            given = {self._people.find(each) for each in who.split(",") if each.strip()} if equals else {requester}
            found[name] = found.get(name, frozenset()) | given
        return found

    def _attributes(self) -> dict[str, Any]:
        """Read `NAME=VALUE`, about whoever asks."""
        kinds = {each.name: each.kind for each in self._policy.attributes.values()}
        return _values(self._said.attributes, kinds, "attribute")

    def _facts(self, action: str) -> dict[str, Any]:
        kinds = {call.name: call.kind for call in (*self._policy.facts, *self._policy.actions[action].facts)}
        return _values(self._said.facts, kinds, "fact")

    def _check_unread(self, action: str) -> None:
        known = [f"group:{name}" for name in self._policy.groups]
        known += [f"oncall:{name}" for name in self._policy.on_call]
        known += [f"attribute:{name}" for name in self._policy.attributes]
        known += [f"freeze:{name}" for name in calendars(self._policy)]
        known += [f"facts.{call.name}" for call in (*self._policy.facts, *self._policy.actions[action].facts)]
        for name in self._said.unread:
            if name not in known:
                raise InvalidInput(_unknown("group, rota, attribute, freeze or fact", name, known))


def _values(said: Sequence[str], kinds: Mapping[str, FactKind], what: str) -> dict[str, Any]:
    """Read `NAME=VALUE`. Raises: InvalidInput."""
    found = {}
    for text in said:
        name, equals, value = text.partition("=")
        if name not in kinds or not equals:
            known = [f"{each}=…" for each in sorted(kinds)]
            raise InvalidInput(_unknown(what, name if equals else text, known))
        try:
            found[name] = fact_from_text(kinds[name], value)
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error}") from None
    return found


def _how(name: str, policy: Policy) -> str:
    """Return the option that says what could not be read here."""
    kind, _, own = name.partition(":")
    option = {"group": "--group", "oncall": "--on-call"}.get(kind)
    if option:
        return f"{option} {own}, or {option} {own}=WHO,WHO"
    if name.startswith("freeze."):
        return " ".join(f"--frozen {each} (or {each}=no)" for each in calendars(policy))
    if name.startswith(NAME):
        return f"--attribute {name.removeprefix(NAME)}=VALUE"
    if name.startswith("facts."):
        return f"--fact {name.removeprefix('facts.')}=VALUE"
    several = {
        "requester.groups": [f"--group {each}=WHO" for each, group in policy.groups.items() if group.usergroups],
        "requester.on_call": [f"--on-call {each}=WHO" for each in policy.on_call],
        "counts": ["--used RULE=NUMBER"],
        "targets": ["--targets NUMBER"],
        OVERDUE: ["--no-review-overdue (or --review-overdue)"],
    }
    return " ".join(several.get(name, ()))


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    return f"There is no {what} {shown(name)}.{did_you_mean(name, known)} There is {listed(known, 'and', 40)}."
