"""What has to be read before an action can be decided on: no more than its rules and the guardrails look at."""

from collections.abc import Iterable
from dataclasses import dataclass

from jitbot.model import Action, Attribute, Counting, FactCall, Freeze, Policy, Rule
from jitbot.policy.attributes import NAME
from jitbot.policy.waiting import selectors


@dataclass(frozen=True, slots=True)
class Wanted:
    """Selectors (as text) to be resolved, facts to be read, and the dotted names that conditions look at.

    `reviewers` are the selectors that could be asked to review; they are among `selectors` too. `calendars` are to be
    read for the freezes that they are named after.
    """

    selectors: frozenset[str] = frozenset()
    reviewers: frozenset[str] = frozenset()
    facts: tuple[FactCall, ...] = ()
    names: frozenset[str] = frozenset()
    calendars: tuple[FactCall, ...] = ()
    attributes: tuple[Attribute, ...] = ()

    def calls(self) -> dict[str, FactCall]:
        """Return the questions to other systems that conditions need an answer to, by their dotted names."""
        found = {f"facts.{each.name}": each for each in self.facts}
        return found | {f"{NAME}{each.name}": each.source for each in self.attributes if each.source is not None}


def wanted(policy: Policy, name: str, *, break_glass: bool = False) -> Wanted:
    """Return what deciding on an action looks at; `break_glass` where the glass is to be broken for it."""
    action = policy.actions.get(name)
    guardrails = [guardrail.rule for guardrail in policy.guardrails if guardrail.covers(name)]
    rules = [*guardrails, *(action.rules if action else ())]
    names = frozenset(each for rule in rules if rule.when is not None for each in rule.when.names)
    reviewers = frozenset(reviewing(rules))
    freezes = _freezes(policy, name, names)
    passing = {str(who) for freeze in freezes for who in freeze.passed_by}
    selectors = reviewers | _asking(action) | _everybody(policy, names) | passing
    if break_glass and action is not None:
        selectors |= {str(each) for terms in action.break_glass for each in (*terms.who, *terms.within)}
    facts = (*policy.facts, *(action.facts if action else ()))
    return Wanted(
        selectors=selectors,
        reviewers=reviewers,
        facts=tuple(each for each in facts if f"facts.{each.name}" in names),
        names=names,
        attributes=tuple(each for each in policy.attributes.values() if f"{NAME}{each.name}" in names),
        calendars=tuple(freeze.calendar for freeze in freezes if freeze.calendar is not None),
    )


def wanted_for_asking(policy: Policy) -> Wanted:
    """Return what has to be read to tell which actions somebody may ask for."""
    return Wanted(frozenset(selector for action in policy.actions.values() for selector in _asking(action)))


def counting(policy: Policy, name: str) -> Counting:
    """Return what has to be counted in the ledger to decide on an action."""
    action = policy.actions.get(name)
    limits = action.limits if action else None
    apart = [each.apart for each in policy.guardrails if each.apart is not None and each.covers(name)]
    return Counting(
        quotas={rule.name: rule.quota.per for rule in (action.rules if action else ()) if rule.quota is not None},
        grants=limits is not None and (limits.held is not None or limits.held_by_one is not None),
        cool_down=limits.cool_down if limits else None,
        apart=max(apart, default=None),
    )


def reviewing(rules: Iterable[Rule]) -> set[str]:
    """Return every selector that these rules could ask to review."""
    return {selector for rule in rules for selector in selectors(rule)}


def _asking(action: Action | None) -> frozenset[str]:
    return frozenset(str(who) for who in action.requesters) if action else frozenset()


def _freezes(policy: Policy, action: str, names: frozenset[str]) -> list[Freeze]:
    """Return the freezes that matter to an action, where a condition looks at them at all."""
    looked = any(name.startswith("freeze.") for name in names)
    return [freeze for freeze in policy.calendar.freezes.values() if looked and freeze.covers(action)]


def _everybody(policy: Policy, names: frozenset[str]) -> frozenset[str]:
    """Return every group or rota where a condition looks at all of them."""
    found: set[str] = set()
    if "requester.groups" in names:
        found |= {f"group:{name}" for name in policy.groups}
    if "requester.on_call" in names:
        found |= {f"oncall:{name}" for name in policy.on_call}
    return frozenset(found)


def reviewers(policy: Policy, name: str) -> set[str]:
    """Return every selector that could be asked to review an action."""
    action = policy.actions.get(name)
    guardrails = [guardrail.rule for guardrail in policy.guardrails if guardrail.covers(name)]
    return reviewing([*guardrails, *(action.rules if action else ())])
