"""The one function that says yes or no.

Called at submission, at every click and just before the run. It is total and pure: it never raises on data, takes
everything it looks at as arguments, and returns the whole tree of reasons. Guardrails first (any denial wins, reviews
are added), then the rules in file order; a condition that errs counts as the stricter of its rule's outcome and what
follows, so an error never loosens anything; no rule means no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jitbot.model import (
    Action,
    BreakGlass,
    Decision,
    Facts,
    Guardrail,
    Mark,
    Outcome,
    Owed,
    Policy,
    Reason,
    Request,
    Review,
    Reviews,
    Rule,
    StandIn,
    Standing,
    State,
    Tested,
    Truth,
    UserId,
)
from jitbot.policy.break_glass import LABEL, Glass, break_glass
from jitbot.policy.calendar import on_calendar, planned_start, until_when
from jitbot.policy.durations import format_duration
from jitbot.policy.known import known
from jitbot.policy.limits import COUNTS, Apart, exceeded, kept_apart, of_people, spent
from jitbot.policy.reasons import of_rule, with_needs, with_quota
from jitbot.policy.requirements import Requirement, could_review, measure, reviews_by, satisfied
from jitbot.policy.stand_ins import counting, deputies, outsiders
from jitbot.policy.values import condition_values
from jitbot.policy.waiting import marks, together
from jitbot.policy.wanted import wanted

BEHIND = "behind"
"""What is named as unread where nobody can tell who stands behind an account."""


def decide(policy: Policy, request: Request, reviews: Sequence[Review], facts: Facts) -> Decision:
    """Return what policy concludes about this request now, and why."""
    return replace(_concluded(policy, request, reviews, facts), known=known(policy, request, facts))


def _concluded(policy: Policy, request: Request, reviews: Sequence[Review], facts: Facts) -> Decision:
    action = policy.actions.get(request.action)
    if action is None:
        return _refusal(f"There is no action {request.action!r} in the policies any more.")
    asking = _may_ask(action, request, facts)
    glass = break_glass(action, request, facts) if request.break_glass else None
    stopped = _stopped(action, request, facts, asking, glass)
    if stopped is not None:
        return stopped
    facts = on_calendar(policy.calendar, request, facts, planned_start(request, facts))
    found, reasons = _walk(policy, action, request, facts, glass)
    reasons = [asking, *reasons]
    if found.denial is not None:
        return _denied(found, reasons, facts)
    if found.required and found.apart is not None and facts.tally is None:
        return _refusal("Who approved whom lately could not be counted. Try again.", *reasons, unread=(COUNTS,))
    if found.required and facts.behind is None:
        return _refusal("Who stands behind whoever asks could not be read. Try again.", *reasons, unread=(BEHIND,))
    return _count(found, reasons, request, reviews, facts)


def _stopped(action: Action, request: Request, facts: Facts, asking: Reason, glass: Glass | None) -> Decision | None:
    """Return the refusal of what no rule is asked about: who asks, how much at a time, whether the glass may break."""
    if asking.mark is not Mark.YES:
        return _refusal(asking.detail, asking, unread=("requester",) if asking.mark is Mark.ERROR else ())
    limit = exceeded(action, request, facts)
    if limit is not None:
        return _refusal(limit.detail, asking, limit, unread=(COUNTS,) if limit.mark is Mark.ERROR else ())
    if glass is not None and glass.terms is None:
        return _refusal(glass.reason.detail, asking, glass.reason, unread=glass.unread)
    return None


def _walk(
    policy: Policy, action: Action, request: Request, facts: Facts, glass: Glass | None
) -> tuple["_Findings", list[Reason]]:
    """Try the guardrails, then the rules, or broken glass in their place; returns what they say and their reasons."""
    values = condition_values(policy, action, request, facts)
    found, passed = _Findings(), _Findings()
    guardrails = [
        _passed(each, values, facts, passed) if glass and each.passes else _guardrail(each, values, facts, found)
        for each in policy.guardrails
        if each.covers(action.name)
    ]
    rules = _rules(action, request, values, facts, passed if glass else found)
    if glass is not None and glass.terms is not None:
        found.rule = Rule(LABEL, Outcome.ALLOW, where=glass.terms.where)
        found.owes = _owed(policy, glass.terms, request, passed, facts)
        rules = [glass.reason, *(Reason(Mark.UNTRIED, rule.name, "", rule.where) for rule in action.rules)]
    return found, [*([Reason(Mark.YES, "guardrails", children=tuple(guardrails))] if guardrails else []), *rules]


def eligible(policy: Policy, request: Request, decision: Decision, facts: Facts, user: UserId) -> tuple[str, ...]:
    """Return the selectors by which this person may review the request now; none when they may not.

    All selectors that the action's rules and guardrails name are tried, not only those needed now, so that a review
    still counts when another rule comes to decide.
    """
    outside = {*outsiders(request, facts), *decision.apart}
    if user in outside or not facts.may_review(user):
        return ()
    if not any(user in facts.reviewers(str(source)) for source in decision.sources):
        return ()
    action = policy.actions.get(request.action)
    falling_back = marks(action.rules, outside, facts, user) if action else ()
    return (*reviews_by(mentioned(policy, request.action), facts, user), *falling_back)


def standing_in(
    policy: Policy, request: Request, decision: Decision, facts: Facts, user: UserId
) -> tuple[StandIn, ...]:
    """Return for whom this person may review the request now, each with the selectors they satisfy themselves."""
    if user in outsiders(request, facts) or user in decision.apart or not facts.may_review(user):
        return ()
    absent = sorted(who for who, deputy in deputies(outsiders(request, facts), facts).items() if deputy == user)
    found = ((who, eligible(policy, request, decision, facts, who)) for who in absent)
    return tuple(StandIn(who, selectors) for who, selectors in found if selectors)


def mentioned(policy: Policy, action: str) -> tuple[str, ...]:
    """Return every selector (as text) that could be asked to review this action."""
    return tuple(sorted(wanted(policy, action).reviewers))


MOST_TOLD = 100
"""So many of those who were not asked are told one by one when the glass is broken; the channels are told anyway."""


@dataclass(slots=True)
class _Findings:
    """What guardrails and rules have said so far."""

    denial: Rule | None = None
    rule: Rule | None = None
    required: list[tuple[Rule, Reviews]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    apart: timedelta | None = None
    owes: Owed | None = None

    def take(self, rule: Rule, tested: Tested) -> None:
        """Add a rule's outcome: allow adds nothing, reviews add up, the first denial stands."""
        self.unread += [name for name in tested.missing if name not in self.unread]
        if rule.outcome is Outcome.DENY:
            self.denial = self.denial or rule
        elif rule.reviews is not None and rule.reviews.alternatives:
            self.required.append((rule, rule.reviews))
        elif rule.outcome is Outcome.REVIEW:  # no way to meet it: refused at load, and never an allow
            self.denial = self.denial or rule


_ALWAYS = Tested(Truth.TRUE)


def _may_ask(action: Action, request: Request, facts: Facts) -> Reason:
    label = "may ask: " + " or ".join(str(who) for who in action.requesters)
    person = facts.people.get(request.requester)
    if person is None:
        return Reason(
            Mark.ERROR, label, "Who asks could not be looked up just now. Try again in a minute.", action.where
        )
    if person.standing is not Standing.MEMBER:
        return Reason(Mark.NO, label, f"A {person.standing.value} cannot ask for anything here.", action.where)
    if satisfied(tuple(str(who) for who in action.requesters), facts, request.requester):
        return _may_be_given(request, facts) or Reason(Mark.YES, label, "", action.where)
    if any(str(who) in facts.unread for who in action.requesters):
        return Reason(Mark.ERROR, label, "Who may ask could not be read just now. Try again in a minute.", action.where)
    names = " or ".join(who.name for who in action.requesters)
    return Reason(Mark.NO, label, f"Only {names} may ask for {action.name}.", action.where)


def _may_be_given(request: Request, facts: Facts) -> Reason | None:
    """Return why it cannot be done for the person it is asked for, None where it can."""
    if request.beneficiary == request.requester:
        return None
    label, person = "for whom", facts.people.get(request.beneficiary)
    if person is None:
        return Reason(Mark.ERROR, label, "For whom it is could not be looked up just now. Try again in a minute.")
    if person.standing is not Standing.MEMBER:
        return Reason(Mark.NO, label, f"This cannot be asked for a {person.standing.value}; choose a member.")
    return None


def _guardrail(guardrail: Guardrail, values: Mapping[str, Any], facts: Facts, found: _Findings) -> Reason:
    tested = _test(guardrail.rule, values)
    shown = of_rule(guardrail.rule, tested, facts)
    if tested.truth is Truth.FALSE:
        return shown
    found.take(guardrail.rule, tested)
    if guardrail.apart is None:
        return shown
    found.apart = max(guardrail.apart, found.apart or guardrail.apart)
    return replace(shown, detail=", ".join(part for part in (shown.detail, kept_apart(guardrail.apart, facts)) if part))


def _passed(guardrail: Guardrail, values: Mapping[str, Any], facts: Facts, passed: _Findings) -> Reason:
    """Show a guardrail that broken glass passes; whom it would have asked is noted with those whom the rules would."""
    shown = _guardrail(guardrail, values, facts, passed)
    if shown.mark is Mark.NO:
        return shown
    return Reason(Mark.UNTRIED, shown.label, "passed by break-glass", shown.where)


def _owed(policy: Policy, terms: BreakGlass, request: Request, passed: _Findings, facts: Facts) -> Owed:
    """Return what is owed: a review by those who could have been asked, or else by others who may break the glass."""
    measured = [measure(rule, required, request, (), facts) for rule, required in passed.required]
    sources = {str(source) for each in measured for source in each.sources}
    people = {user for source in sources for user in facts.members.get(source, ())} - outsiders(request, facts)
    instead = deputies(outsiders(request, facts), facts)
    skipped = sorted({instead.get(user, user) for user in people if could_review(user, facts)})
    reviewers = mentioned(policy, request.action) or tuple(str(each) for each in terms.who)
    return Owed(terms.review_within, reviewers, terms.tell, tuple(skipped[:MOST_TOLD]), terms.max)


def _rules(action: Action, request: Request, values: Mapping[str, Any], facts: Facts, found: _Findings) -> list[Reason]:
    """Walk the rules in file order; everything after the first that matched is untried.

    A rule whose quota is used up is as if it did not match.
    """
    shown: list[Reason] = []
    for rule in action.rules:
        if found.rule is not None:
            shown.append(Reason(Mark.UNTRIED, rule.name, "", rule.where))
            continue
        tested, quota = _test(rule, values), spent(rule, request, facts)
        if tested.truth is not Truth.FALSE:
            found.take(rule, tested)
        if tested.truth is Truth.TRUE and not quota.used_up:
            found.rule = rule
        if tested.truth is Truth.TRUE and quota.unread:
            found.unread.append(COUNTS)
        shown.append(with_quota(of_rule(rule, tested, facts), quota))
    if found.rule is None:
        nothing = Rule("no rule matched", Outcome.DENY, message="No rule allows this.", where=action.where)
        found.take(nothing, _ALWAYS)
        found.rule = nothing
        shown.append(Reason(Mark.DENIED, nothing.name, "what no rule allows is refused", action.where))
    return shown


def _test(rule: Rule, values: Mapping[str, Any]) -> Tested:
    return rule.when.test(values) if rule.when is not None else _ALWAYS


def _refusal(summary: str, *reasons: Reason, unread: tuple[str, ...] = ()) -> Decision:
    tree = Reason(Mark.DENIED, "REFUSED", summary, children=reasons)
    return Decision(Outcome.DENY, "", summary, tree, unread=unread)


def _denied(found: _Findings, reasons: Sequence[Reason], facts: Facts) -> Decision:
    rule = found.denial
    assert rule is not None  # noqa: S101 - the caller has looked
    summary = _sentences(rule.message or f"Refused by “{rule.name}”.", until_when(rule, facts))
    tree = Reason(Mark.DENIED, "REFUSED", rule.name, rule.where, tuple(reasons))
    return Decision(Outcome.DENY, rule.name, summary, tree, rule.where, unread=tuple(found.unread))


def _sentences(first: str, second: str) -> str:
    """Put two sentences together; the first was written by a policy's author, perhaps without an end."""
    end = "" if first.rstrip().endswith((".", "!", "?")) else "."
    return f"{first.rstrip()}{end} {second}" if second else first


def _count(
    found: _Findings, reasons: Sequence[Reason], request: Request, reviews: Sequence[Review], facts: Facts
) -> Decision:
    """Hold the reviews against what is required."""
    rule = found.rule
    assert rule is not None  # noqa: S101 - the rules were walked
    counted = [each for each in (counting(review, request, facts) for review in reviews) if each is not None]
    denial = next((each for each in counted if each.verdict.value == "deny"), None)
    apart = Apart(found.apart, of_people(facts)) if found.apart and facts.tally else Apart()
    measured = [measure(name, required, request, counted, facts, apart) for name, required in found.required]
    needs = tuple(need for each in measured for need in each.needs)
    waiting = together(each.rule for each in measured)
    tree = with_needs(reasons, measured, request, facts)
    unread = tuple(dict.fromkeys([*found.unread, *(name for each in measured for name in each.unread)]))
    sources = tuple(dict.fromkeys(source for each in measured for source in each.sources))

    def decision(outcome: Outcome, heading: str, summary: str, by: UserId | None = None) -> Decision:
        mark = {Outcome.ALLOW: Mark.YES, Outcome.REVIEW: Mark.OPEN, Outcome.DENY: Mark.DENIED}[outcome]
        root = Reason(mark, heading, rule.name, rule.where, tree)
        return Decision(
            outcome,
            rule.name,
            summary,
            root,
            rule.where,
            needs=needs,
            sources=sources,
            unread=unread,
            denied_by=by,
            apart=apart.people(facts.now),
            waiting=waiting,
            owes=found.owes,
        )

    if denial is not None:
        return decision(Outcome.DENY, "DENIED", denial.comment or "Denied.", denial.reviewer)
    if request.state is State.DECIDING and not all(each.possible for each in measured):
        return decision(Outcome.DENY, "REFUSED", _nobody(measured, apart.people(facts.now)))
    missing = sum(each.missing for each in measured)
    if missing:
        people = "ONE PERSON" if missing == 1 else f"{missing} PEOPLE"
        return decision(Outcome.REVIEW, f"ASK {people}", f"“{rule.name}” asks for approval.")
    if found.owes is not None:
        within = format_duration(found.owes.review_within)
        return decision(Outcome.ALLOW, "BREAK-GLASS", f"Break-glass: runs at once; a review is owed within {within}.")
    said = "approved" if measured else "runs at once"
    return decision(Outcome.ALLOW, "ALLOWED", f"“{rule.name}”: {said}.")


def _nobody(measured: Sequence[Requirement], apart: Sequence[UserId]) -> str:
    lacking = next(each for each in measured if not each.possible)
    besides = " and those whose own requests you have approved lately" if apart else ""
    return (
        f"Nobody can approve this: “{lacking.rule.name}” wants {lacking.wanted}, "
        f"and there are not enough of them besides you{besides}."
    )
