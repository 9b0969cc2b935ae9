"""Rules and guardrails: their conditions compiled, their reviews expanded into alternatives."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, product

from jitbot.model import Condition, Entry, Outcome, Quota, Reviews, Rule, Waiting
from jitbot.policy.cel.conditions import ConditionFault, compile_program
from jitbot.policy.cel.literals import unknown_literals
from jitbot.policy.cel.names import SELF_MADE, CelType
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.schema import EntryKeys, OutcomeKeys, QuotaKeys, ReviewItem, RuleKeys
from jitbot.policy.files.selectors import People, read_selectors
from jitbot.policy.files.waiting import WaitingReader
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.lookalikes import skeleton
from jitbot.policy.wording import shown

MOST_ALTERNATIVES = 64


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule may speak about: names with types, the only values of some, and the people.

    `absent` says of names why they are not among them; `names` is None when nobody can tell yet, because an action
    has faults of its own, and conditions are then not looked at. `lapse_after` is the action's.
    """

    people: People
    names: Mapping[str, CelType] | None
    values: Mapping[str, Collection[str]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    lapse_after: timedelta = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class RuleReader:
    """Reads rules of one document in one scope."""

    document: Document
    scope: Scope
    issues: Issues

    def read(self, path: Path, keys: Sequence[OutcomeKeys]) -> tuple[Rule, ...]:
        """Read the rules of an action; names are their own, or `rule 1` and so on."""
        rules = [self.rule((*path, index), item, f"rule {index + 1}") for index, item in enumerate(keys)]
        check_names(self.document, path, rules, self.issues)
        self._check_reach(path, keys, rules)
        return tuple(rules)

    def _check_reach(self, path: Path, keys: Sequence[OutcomeKeys], rules: Sequence[Rule]) -> None:
        """Note rules behind one that matches whenever they would: the first that matches decides."""
        above: dict[str | None, Rule] = {}
        for index, (item, rule) in enumerate(zip(keys, rules, strict=True)):
            shadow = above.get(None) or above.get(item.when)
            if shadow is not None:
                line = self.document.at((*path, rules.index(shadow))).line
                has = "has no condition" if None in above else "has the same condition"
                message = (
                    f"this rule is never reached: {shown(shadow.name)} on line {line} {has}, "
                    "and the first rule that matches decides. Put the stricter one first."
                )
                self.issues.add(self.document.at((*path, index)), message)
            if rule.quota is None:  # one that can be used up leaves something to those below it
                above.setdefault(item.when, rule)

    def rule(self, path: Path, keys: OutcomeKeys, name: str) -> Rule:
        """Read one rule, called `name` unless it has one of its own."""
        reviews = None if keys.review is None else self._reviews((*path, "review"), keys.review)
        outcome = Outcome.REVIEW if reviews else Outcome.ALLOW if keys.deny is None else Outcome.DENY
        when = None if keys.when is None else self.condition((*path, "when"), keys.when)
        if outcome is Outcome.ALLOW and when is not None and self_made(when.names):
            message = (
                "whoever asks can make this true alone, by what they type; an `allow` needs more: who they are "
                "(requester.…), or what is so (facts.…). Ask for a `review` otherwise."
            )
            self.issues.add(self.document.at((*path, "when")), message)
        return Rule(
            name=keys.name or name,
            outcome=outcome,
            when=when,
            reviews=reviews,
            message=keys.deny or "",
            where=_line(self.document.at(path)),
            quota=_quota(keys),
            waiting=self._waiting(path, keys),
        )

    def _waiting(self, path: Path, keys: OutcomeKeys) -> Waiting:
        if not isinstance(keys, RuleKeys):
            return Waiting()
        reader = WaitingReader(self.document, self.scope.people, self.scope.lapse_after, self.issues)
        return reader.read(path, keys)

    def condition(self, path: Path, text: str) -> Condition | None:
        """Read a condition; None where it has faults, or nobody can tell yet."""
        if self.scope.names is None or ("requester.attributes" in text and not self.scope.people.whole):
            return None  # whoever mends what these names hang on is told of the rest then
        where = _line(self.document.at(path))
        try:
            program = compile_program(text, self.scope.names, where)
        except ConditionFault as error:
            faults = error.faults
        else:
            faults = tuple(unknown_literals(program.tree, self.scope.values))
            if not faults:
                return Condition(text, where, program.test, program.names)
        for fault in faults:
            why = self.scope.absent.get(fault.name, "")
            self.issues.add(self.document.inside(path, fault.offset), f"{fault.message}{why}")
        return None

    def _reviews(self, path: Path, items: Sequence[ReviewItem]) -> Reviews:
        ways = _ways(items)
        if ways > MOST_ALTERNATIVES:
            message = (
                f"these reviews can be met in {ways} ways, and {MOST_ALTERNATIVES} are the most; simplify `any_of`."
            )
            self.issues.add(self.document.at(path), message)
            return Reviews(())
        return Reviews(tuple(self._alternatives(path, items)))

    def _alternatives(self, path: Path, items: Sequence[ReviewItem]) -> list[tuple[Entry, ...]]:
        """Expand a list of entries, all of which must be met, into the sets of entries that would do."""
        choices: list[list[tuple[Entry, ...]]] = []
        for index, item in enumerate(items):
            here = (*path, index)
            if isinstance(item, EntryKeys):
                choices.append([(self._entry(here, item),)])
            else:
                lists = (self._alternatives((*here, "any_of", n), inner) for n, inner in enumerate(item.any_of))
                choices.append(list(chain.from_iterable(lists)))
        return [tuple(chain.from_iterable(combination)) for combination in product(*choices)]

    def _entry(self, path: Path, keys: EntryKeys) -> Entry:
        sources = read_selectors(self.document, (*path, "from"), keys.sources, self.scope.people, self.issues)
        quiet = read_selectors(self.document, (*path, "quiet"), keys.quiet or (), self.scope.people, self.issues)
        named = {*sources, *quiet}
        if len(named) < keys.count and all(source.kind == "user" for source in named):
            message = f"this asks for {keys.count} different people and names {len(named)}."
            self.issues.add(self.document.at((*path, "count")), message)
        return Entry(sources, keys.count, quiet)


_ASKED = ("request.", "params.", "plan.")


def self_made(names: Sequence[str]) -> bool:
    """Tell whether a condition rests on what somebody types, and on nothing about who they are or how things stand."""
    asked = [
        name
        for name in names
        if name.startswith(("request.", "params.", "plan.")) or name in ("risk", "targets", "now")
    ]
    return bool(SELF_MADE & set(names)) and len(asked) == len(names)


def check_names(document: Document, path: Path, rules: Sequence[Rule], issues: Issues) -> None:
    """Note rules that have the name of an earlier one in the list at `path`: nobody could tell them apart."""
    places: dict[str, Place] = {}
    for index, rule in enumerate(rules):
        place = document.at((*path, index, "name"))
        looks = skeleton(rule.name)
        if looks in places:
            issues.add(place, f"{shown(rule.name)} is the name of another one already, on line {places[looks].line}.")
        places.setdefault(looks, place)


def _quota(keys: OutcomeKeys) -> Quota | None:
    allowed = keys.allow if isinstance(keys, RuleKeys) else None
    return Quota(allowed.at_most, allowed.per) if isinstance(allowed, QuotaKeys) else None


def _ways(items: Sequence[ReviewItem]) -> int:
    """Count the alternatives before anything is expanded."""
    return math.prod(1 if isinstance(item, EntryKeys) else sum(map(_ways, item.any_of)) for item in items)


def _line(place: Place) -> str:
    return f"{place.file}:{place.line}"
