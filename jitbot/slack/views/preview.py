"""What will come of a request, said before it is asked: advice, not a promise."""

from datetime import timedelta

from jitbot.explain import asked, either, named, roughly
from jitbot.model import Decision, Outcome, Plan
from jitbot.slack.text import shorten
from jitbot.slack.views.people import Names, namer


def preview_lines(
    decision: Decision, plan: Plan | None, names: Names, usual_wait: timedelta | None = None
) -> list[str]:
    """Say who would be asked, how long that usually takes, and what would happen."""
    lines = [_outcome(decision, names)]
    if usual_wait is not None and decision.outcome is Outcome.REVIEW:
        lines[0] += f" Usually answered in {roughly(usual_wait)}."
    if plan is not None and decision.outcome is not Outcome.DENY:
        lines.append(shorten(plan.summary, 600) + ("" if plan.undoable else " It cannot be undone."))
    if decision.unread:
        lines.append(f"⚠ Could not be read just now: {shorten(', '.join(decision.unread), 300)}")
    return lines


def _outcome(decision: Decision, names: Names) -> str:
    if decision.owes is not None and decision.outcome is Outcome.ALLOW:
        return f"🚨 {decision.summary}"
    if decision.outcome is Outcome.ALLOW:
        return f"✅ Runs at once: {shorten(decision.rule or decision.summary, 300)}."
    if decision.outcome is Outcome.DENY:
        return f"⛔ Refused now: {shorten(named(decision.summary, namer(names)), 600)}"
    people = either([asked(need, namer(names)) for need in decision.needs if need.missing > 0], "and")
    return f"⏳ Asks {shorten(people or decision.summary, 900)}."
