"""Rules that decide nothing, and rules that let through more than they should."""

from collections.abc import Iterator
from dataclasses import dataclass

from jitbot.model import Action, Guardrail, Outcome, Policy, Rule
from jitbot.policy.cel.logic import Formula, could_be
from jitbot.policy.wording import shown
from jitbot.workbench.lint.advice import Advice, Topic
from jitbot.workbench.lint.conditions import formula_of, limits_of

RISKY = ("high", "critical")


def reach(policy: Policy) -> Iterator[Advice]:
    """Advise on rules that no request can reach, and on what every request passes."""
    guardrails = [_Tried(each, each.rule, formula_of(policy, each, each.rule)) for each in policy.guardrails]
    for action in policy.actions.values():
        yield from _Reach(policy, action, [each for each in guardrails if each.guardrail.covers(action.name)]).advice()
    for each in guardrails:
        actions = (action for action in policy.actions.values() if each.guardrail.covers(action.name))
        if policy.actions and not any(could_be([each.formula], [], limits_of(policy, action)) for action in actions):
            yield _never_true(each.rule)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A guardrail with what has to be so for it to match."""

    guardrail: Guardrail
    rule: Rule
    formula: Formula


class _Reach:
    """Goes through the rules of one action, as deciding would."""

    def __init__(self, policy: Policy, action: Action, guardrails: list[_Tried]) -> None:
        self._policy, self._action = policy, action
        self._limits = limits_of(policy, action)
        self._denying = [each for each in guardrails if each.rule.outcome is Outcome.DENY]
        self._asking = [each for each in guardrails if each.rule.outcome is not Outcome.ALLOW]

    def advice(self) -> Iterator[Advice]:
        above: list[tuple[Rule, Formula]] = []
        open_to_some = False
        for rule in self._action.rules:
            matches = formula_of(self._policy, self._action, rule)
            barred = self._barred(rule, matches, above)
            if barred is not None:
                yield barred
            else:
                open_to_some |= rule.outcome is not Outcome.DENY
                yield from self._careless(rule, matches)
            if rule.quota is None:  # one that can be used up leaves something to those below it
                above.append((rule, matches))
        if not open_to_some and not self._action.break_glass:
            message = "whatever is asked, this action is refused. Write a rule that allows or asks, or take it out."
            yield Advice(self._action.where, Topic.NOBODY_MAY_ASK, message)

    def _barred(self, rule: Rule, matches: Formula, above: list[tuple[Rule, Formula]]) -> Advice | None:
        """Return why a rule is never the one that decides; None where it can be."""
        if not self._could_be(matches):
            return _never_true(rule)
        if not self._could_be(matches, *(each for _, each in above)):
            first = next((other for other, each in above if not self._could_be(matches, each)), None)
            who = f"{shown(first.name)} (line {_line(first)}) matches" if first else "one of those above it matches"
            message = (
                f"this rule is never reached: {who} whenever it would. Put the narrower one first, or take one out."
            )
            return Advice(rule.where, Topic.NEVER_REACHED, message)
        if rule.outcome is Outcome.DENY or self._action.break_glass:
            return None
        if not self._could_be(matches, *(each for _, each in above), *(each.formula for each in self._denying)):
            names = " and ".join(dict.fromkeys(shown(each.rule.name) for each in self._denying))
            message = f"this rule never takes effect: guardrails ({names}) refuse whenever it would. Take it out."
            return Advice(rule.where, Topic.NEVER_REACHED, message)
        return None

    def _careless(self, rule: Rule, matches: Formula) -> Iterator[Advice]:
        """Advise on a risky action that runs at once and whatever is so, with no guardrail that would ask."""
        if rule.outcome is not Outcome.ALLOW or self._action.risk not in RISKY:
            return
        if could_be([], [matches], self._limits):
            return
        if self._could_be(matches, *(each.formula for each in self._asking)):
            message = (
                f"an action of {self._action.risk} risk runs at once here, without any condition. "
                "Write when it may (`when:`), or ask people (`review:`)."
            )
            yield Advice(rule.where, Topic.UNCONDITIONAL_ALLOW, message)

    def _could_be(self, matches: Formula, *others: Formula) -> bool:
        return could_be([matches], others, self._limits)


def _never_true(rule: Rule) -> Advice:
    message = "no values make this condition true, so that the rule never matches. Mend the condition, or take it out."
    return Advice(rule.when.where if rule.when else rule.where, Topic.NEVER_TRUE, message)


def _line(rule: Rule) -> str:
    return rule.where.rpartition(":")[2]
