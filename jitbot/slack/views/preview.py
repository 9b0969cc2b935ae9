"""What will come of a request, said before it is asked: advice, not a promise."""

from jitbot.explain import who
from jitbot.model import Decision, Need, Outcome, Plan
from jitbot.slack.text import shorten
from jitbot.slack.views.people import Names, namer


def preview_lines(decision: Decision, plan: Plan | None, names: Names) -> list[str]:
    """Say who would be asked and what would happen."""
    lines = [_outcome(decision, names)]
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
        return f"⛔ Would be refused now: {shorten(decision.summary, 600)}"
    asked = "; and ".join(_asked(need, names) for need in decision.needs if need.missing > 0)
    return f"⏳ Asks {shorten(asked or decision.summary, 900)}."


def _asked(need: Need, names: Names) -> str:
    return who(need, namer(names))
