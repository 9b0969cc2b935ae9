"""Delegations: who stands in for somebody, and for whom they do."""

from collections.abc import Sequence

from jitbot.model import Delegation, UserId
from jitbot.slack.spans import DAY_AND_TIME, Bold, Code, Drawing, Line, When, paragraph, rich, spoken
from jitbot.slack.text import shorten
from jitbot.slack.views import ids
from jitbot.slack.views.people import Names

NOTHING = "Nobody stands in for you, and you stand in for nobody."


def draw(found: Sequence[Delegation], user: UserId, names: Names) -> Drawing:
    """List what somebody has delegated and what was delegated to them, with how either is done and ended."""
    lines = [_line(each, user, names) for each in found] or [[NOTHING]]
    hint: Line = [Code(f"{ids.COMMAND} delegate @colleague until Friday 18:00 on leave"), "  asks a colleague"]
    ending: Line = [Code(f"{ids.COMMAND} delegate end"), "  ends it"]
    below = [hint, *([ending] if found else [])]
    head: Line = [Bold("Standing in")]
    return Drawing(spoken([head, *lines, *below]), [rich(paragraph(head, *lines), paragraph(["\n"], *below))])


def _line(each: Delegation, user: UserId, names: Names) -> Line:
    note = f" · “{shorten(each.note, 200)}”" if each.note else ""
    until = When(each.ends_at, DAY_AND_TIME)
    if each.delegator == user:
        return [f"{names.get(each.delegate, each.delegate)} reviews in your place until ", until, note]
    return [f"You review in the place of {names.get(each.delegator, each.delegator)} until ", until, note]
