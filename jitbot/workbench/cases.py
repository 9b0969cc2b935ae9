"""Cases: what policies must say of made-up requests, read from `*.cases.yml` as strictly as policies are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import Action, FactCall, Failure, Holder, ParameterType, Tally, UserId, Verdict
from jitbot.policy.break_glass import LABEL
from jitbot.policy.files.complaints import check
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.yaml_events import Document, Path, parse
from jitbot.policy.wanted import wanted
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.workbench.case_keys import CaseKeys, CasesHead, ExpectKeys, GivenKeys
from jitbot.workbench.case_people import People, check_known, read_people
from jitbot.workbench.rehearsal import Asked, Bench
from jitbot.workbench.scene import Scene, calendars
from jitbot.workbench.values import fact_value, parse_instant

SOME_TIME = datetime(2026, 1, 7, 12, tzinfo=UTC)
"""When a case is decided whose action looks at no clock."""
TIMED = ("now", "windows", "request.starts_at")
"""The names that come from the time, besides those of freezes."""
NOTHING = "no rule matched"
"""What the decision calls it when no rule allows."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to be rehearsed; `file` and `line` say where it stands."""

    name: str
    file: str
    line: int
    scene: Scene
    asked: Asked
    reviews: tuple[tuple[UserId, Verdict], ...]
    expect: ExpectKeys


def read_cases(files: Mapping[str, str], bench: Bench) -> Sequence[Case]:
    """Read files of cases (name to text). Raises: PolicyError with one line for each fault in any file."""
    issues = Issues()
    found: list[Case] = []
    for name in sorted(files):
        document = parse(name, files[name], issues)
        head = check(CasesHead, document, (), issues) if document else None
        if document is not None and head is not None:
            people = read_people(document, head.people, bench.policy, issues)
            found += _CaseReader(document, people, bench, issues).read(head)
    issues.raise_if_any()
    return found


class _CaseReader:
    """Reads the cases of one file."""

    def __init__(self, document: Document, people: People, bench: Bench, issues: Issues) -> None:
        self._document = document
        self._people = people
        self._bench = bench
        self._issues = issues
        policy = bench.policy
        self._all_facts = [*policy.facts, *(fact for action in policy.actions.values() for fact in action.facts)]

    def read(self, head: CasesHead) -> list[Case]:
        at = self._instant(("at",), head.at)
        unread = self._unread(("unread",), head.unread, self._all_facts)
        names: dict[str, int] = {}
        found = []
        for index in range(len(head.cases)):
            path: Path = ("cases", index)
            keys = check(CaseKeys, self._document, path, self._issues)
            if keys is None:
                continue
            line = self._document.at(path).line
            if names.setdefault(keys.name, line) != line:
                self._note((*path, "name"), f"this is the name of another case already, on line {names[keys.name]}.")
            found += self._case(path, keys, at, unread)
        return found

    def _case(self, path: Path, keys: CaseKeys, at: datetime | None, unread: Mapping[str, str]) -> list[Case]:
        """Read one case; none where it has faults."""
        before, given, inner = len(self._issues), keys.given, (*path, "given")
        policy = self._bench.policy
        check_known(self._document, (*inner, "action"), given.action, policy.actions, "action", self._issues)
        action = policy.actions.get(given.action)
        self._names(inner, {"as": [given.requester]}, single=True)
        self._names(inner, {"approved_by": given.approved_by, "denied_by": given.denied_by})
        self._names((*path, "expect"), {"approvers": keys.expect.approvers or []})
        if action is None or len(self._issues) > before:
            return []
        scene = self._scene(inner, given, action, at, unread)
        self._expected((*path, "expect"), keys.expect, action)
        if len(self._issues) > before:
            return []
        ids = self._people.ids
        reviews = [(ids[name], Verdict.APPROVE) for name in given.approved_by]
        reviews += [(ids[name], Verdict.DENY) for name in given.denied_by]
        asked = self._asked(given, action)
        line = self._document.at(path).line
        return [Case(keys.name, self._document.name, line, scene, asked, tuple(reviews), keys.expect)]

    def _asked(self, given: GivenKeys, action: Action) -> Asked:
        ids = self._people.ids
        people = {each.name for each in action.parameters if each.type is ParameterType.USER}
        params = {name: ids.get(str(value), value) if name in people else value for name, value in given.params.items()}
        return Asked(
            given.action,
            ids[given.requester],
            params,
            given.reason,
            given.ttl or "",
            given.source,
            targets=_targets(action, params) if given.targets is None else given.targets,
            undoable=given.undoable is not False,
            changes=given.changes is True,
            starts_at=given.starts_at or "",
            break_glass=given.break_glass,
            waited=given.waited,
        )

    def _scene(
        self, path: Path, given: GivenKeys, action: Action, at: datetime | None, unread: Mapping[str, str]
    ) -> Scene:
        looked_at = wanted(self._bench.policy, action.name).names
        at = self._instant((*path, "at"), given.at) or at
        if at is None and any(name in TIMED or name.startswith("freeze.") for name in looked_at):
            self._note(path, f"`at` is missing: what decides on {action.name} looks at the time.")
        self._instant((*path, "starts_at"), given.starts_at)
        plan = {"targets": given.targets, "plan.undoable": given.undoable, "plan.changes": given.changes}
        for name, value in plan.items():
            if value is None and name in looked_at:
                key = name.removeprefix("plan.")
                self._note(path, f"`{key}` is missing: what decides on {action.name} looks at it.")
        calls = [*self._bench.policy.facts, *action.facts]
        facts = self._facts((*path, "facts"), given.facts, calls)
        lost = {**unread, **self._unread((*path, "unread"), given.unread, calls)}
        feeds = calendars(self._bench.policy)
        for index, name in enumerate(given.frozen):
            if name not in feeds:
                self._note((*path, "frozen", index), _unknown("freeze with a calendar", name, feeds))
        people = self._people
        frozen, tally = tuple(given.frozen), self._tally(path, given, action, at or SOME_TIME)
        return Scene(
            at or SOME_TIME,
            people.persons,
            people.groups,
            people.on_call,
            facts,
            lost,
            frozen,
            tally,
            attributes=people.attributes,
            overdue=given.review_overdue,
            stand_ins=people.stand_ins,
        )

    def _tally(self, path: Path, given: GivenKeys, action: Action, at: datetime) -> Tally:
        """Put together what the ledger would count."""
        self._names(path, {"held_by": given.held_by})
        ids, quotas = self._people.ids, [rule.name for rule in action.rules if rule.quota is not None]
        for name in given.approved_lately:
            if name not in ids:
                self._note((*path, "approved_lately", name), _unknown("person", name, sorted(ids)), key=True)
        for name in given.used:
            if name not in quotas:
                self._note((*path, "used", name), _unknown("rule with a quota", name, quotas), key=True)
        holders = [ids[name] for name in given.held_by if name in ids]
        return Tally(
            used=dict.fromkeys(quotas, 0) | dict(given.used),
            holders=tuple(Holder(f"JIT-{number}", who, who) for number, who in enumerate(holders, start=1)),
            failure=None if given.failed is None else Failure("JIT-99", at - given.failed),
            approvals={ids[name]: (at - ago,) for name, ago in given.approved_lately.items() if name in ids},
        )

    def _facts(self, path: Path, given: Mapping[str, Any], calls: Sequence[FactCall]) -> dict[str, Any]:
        kinds = {call.name: call.kind for call in calls}
        found = {}
        for name, value in given.items():
            if name not in kinds:
                self._note((*path, name), _unknown("fact", name, sorted(kinds)), key=True)
                continue
            try:
                found[name] = fact_value(kinds[name], value)
            except InvalidInput as error:
                self._note((*path, name), str(error))
        return found

    def _unread(self, path: Path, given: Sequence[str], calls: Sequence[FactCall]) -> dict[str, str]:
        policy = self._bench.policy
        known = [f"group:{name}" for name in policy.groups] + [f"oncall:{name}" for name in policy.on_call]
        known += [f"attribute:{name}" for name in policy.attributes]
        known += [f"freeze:{name}" for name in calendars(policy)]
        known += dict.fromkeys(f"facts.{call.name}" for call in calls)
        for index, name in enumerate(given):
            if name not in known:
                self._note((*path, index), _unknown("group, rota, attribute, freeze or fact", name, known))
        return dict.fromkeys(given, "the case says so")

    def _expected(self, path: Path, expect: ExpectKeys, action: Action) -> None:
        guardrails = [each.rule.name for each in self._bench.policy.guardrails if each.covers(action.name)]
        glass = [LABEL] if action.break_glass else []
        known = [*(rule.name for rule in action.rules), *guardrails, *glass, NOTHING]
        if expect.rule is not None and expect.rule not in known:
            self._note((*path, "rule"), _unknown("rule or guardrail", expect.rule, known, f" of {action.name}"))

    def _names(self, path: Path, lists: Mapping[str, Sequence[str]], *, single: bool = False) -> None:
        for key, names in lists.items():
            for index, name in enumerate(names):
                place = (*path, key) if single else (*path, key, index)
                check_known(self._document, place, name, self._people.ids, "person", self._issues)

    def _instant(self, path: Path, text: str | None) -> datetime | None:
        try:
            return None if text is None else parse_instant(text)
        except InvalidInput as error:
            self._note(path, str(error))
            return None

    def _note(self, path: Path, message: str, *, key: bool = False) -> None:
        self._issues.add(self._document.key(path) if key else self._document.at(path), message)


def _unknown(what: str, name: str, known: Sequence[str], of: str = "") -> str:
    return f"there is no {what} {shown(name)}{of}.{did_you_mean(name, known)} There is {listed(known, 'and', 40)}."


def only(cases: Sequence[Case], words: str) -> Sequence[Case]:
    """Return the cases whose name or file contains these words, upper and lower case alike."""
    return [case for case in cases if words.lower() in f"{case.file} {case.name}".lower()]


def _targets(action: Action, params: Mapping[str, Any]) -> int:
    """Return how many targets a plan has that says nothing else: one, or one for each value that was chosen."""
    values = params.get(action.for_each.parameter) if action.for_each else None
    return len(values) if isinstance(values, list) and values else 1
