"""Hold what was decided against what a case expects, and find the rules that no case reaches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jitbot.explain import SIGNS, explain
from jitbot.model import Decision, Mark, Policy, Reason
from jitbot.workbench.cases import Case
from jitbot.workbench.rehearsal import Bench, Rehearsal, rehearse

REACHED = (Mark.YES, Mark.OPEN, Mark.DENIED)
"""The marks of a rule whose condition came to true."""

RulePlace = tuple[str, str]
"""Where a rule stands (`file:line`), and its name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected, in words."""

    what: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with what came of it."""

    case: Case
    rehearsal: Rehearsal
    differences: tuple[Difference, ...]

    @property
    def why(self) -> str:
        """Say what was decided, with the tree of reasons, or why it was not taken in."""
        name, decision = self.case.scene.name, self.rehearsal.decision
        if decision is None:
            return f"{SIGNS[Mark.DENIED]} not taken in: {self.rehearsal.fault}"
        refused = [f"{SIGNS[Mark.NO]} {name(user)} may not review this" for user in self.rehearsal.refused]
        return "\n".join([decision.summary, explain(decision, name), *refused])


def judge(case: Case, bench: Bench) -> Judged:
    """Rehearse a case and compare."""
    came = rehearse(bench, case.scene, case.asked, case.reviews)
    return Judged(case, came, tuple(_differences(case, came)))


def all_rules(policy: Policy) -> Sequence[RulePlace]:
    """Return every guardrail and rule there is."""
    rules = [guardrail.rule for guardrail in policy.guardrails]
    rules += [rule for action in policy.actions.values() for rule in action.rules]
    return [(rule.where, rule.name) for rule in rules]


def reached(judged: Sequence[Judged]) -> set[RulePlace]:
    """Return the guardrails and rules whose condition came to true in some case."""
    decisions = [each.rehearsal.decision for each in judged if each.rehearsal.decision is not None]
    return {place for decision in decisions for place in _places(decision.tree)}


def _places(reason: Reason) -> Iterator[RulePlace]:
    if reason.mark in REACHED:
        yield reason.where, reason.label
    for child in reason.children:
        yield from _places(child)


def _differences(case: Case, came: Rehearsal) -> Iterator[Difference]:
    expect, decision = case.expect, came.decision
    got = "invalid" if decision is None else decision.outcome.value
    if expect.outcome != got:
        yield Difference("outcome", expect.outcome, got)
    said = came.fault if decision is None else f"{decision.summary}\n{explain(decision, case.scene.name)}"
    if expect.reason is not None and expect.reason not in said:
        yield Difference("reason", expect.reason, said.partition("\n")[0])
    if decision is not None:
        yield from _in_decision(case, decision)


def _in_decision(case: Case, decision: Decision) -> Iterator[Difference]:
    expect = case.expect
    if expect.rule is not None and expect.rule != decision.rule:
        yield Difference("rule", expect.rule, decision.rule or "none")
    missing = sum(need.missing for need in decision.needs)
    if expect.missing is not None and expect.missing != missing:
        yield Difference("missing", str(expect.missing), str(missing))
    open_needs = [need for need in decision.needs if need.missing]
    approvers = sorted({case.scene.name(user) for need in open_needs for user in need.candidates})
    if expect.approvers is not None and sorted(set(expect.approvers)) != approvers:
        yield Difference("approvers", _list(sorted(expect.approvers)), _list(approvers))
    if expect.unread is not None and sorted(set(expect.unread)) != sorted(decision.unread):
        yield Difference("unread", _list(sorted(expect.unread)), _list(sorted(decision.unread)))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
