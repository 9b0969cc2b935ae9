"""Halts: what is halted, by whom and why, and how it is lifted."""

from collections.abc import Sequence

from jitbot.explain import named
from jitbot.model import Halt, Halts, Request, State
from jitbot.model.halt import called
from jitbot.slack.blocks import actions, button, modal
from jitbot.slack.spans import DAY_AND_TIME, Block, Bold, Code, Drawing, Line, When, paragraph, rich, spoken
from jitbot.slack.text import shorten
from jitbot.slack.views import ids
from jitbot.slack.views.people import Names, namer

NOTHING = "Nothing is halted."
LIFTING = "Lift…"
WAITING = frozenset({State.DECIDING, State.PENDING, State.APPROVED, State.RUNNING})
"""Where something has not started yet, or has more to start."""
_HOW: tuple[tuple[str, str], ...] = (
    ('halt action restart reason="…"', "stops the starts of an action"),
    ('halt person @colleague reason="…"', "of whatever somebody asks for, is to get or has approved"),
    ('halt pool prod-eu reason="…"', "of what runs in a pool"),
    ('halt all reason="…"', "of everything"),
    ("halt lift H-1", "lets it start again, once two people have said so"),
)


def is_held(request: Request) -> bool:
    """Tell whether a request waits because something is halted."""
    return bool(request.halted) and request.state in WAITING


def held(request: Request, names: Names) -> Line:
    """Say on a card what keeps a request from starting."""
    if not is_held(request):
        return []
    return [Bold("Halted  "), shorten(named(request.halted, namer(names)), 500)]


def people_in(*halts: Halt) -> str:
    """Return a text that names everybody whose name a drawing of these halts needs."""
    return " ".join(f"{each.what} {called(each.by)} {called(each.lift_by)}" for each in halts)


def card(halt: Halt, names: Names) -> Drawing:
    """Show the operators a halt, with a way to lift it."""
    lines = _lines(halt, names)
    return Drawing(spoken(lines), [rich(paragraph(*lines)), *actions(_lift(halt))])


def listing(known: Halts, names: Names) -> Drawing:
    """List what is halted, each with a way to lift it, and how something is halted."""
    head: Line = [Bold("Halted")]
    first: list[Line] = [[known.fault]] if known.fault else [] if known.standing else [[NOTHING]]
    below: list[Line] = [[Code(f"{ids.COMMAND} {words}"), f"  {meaning}"] for words, meaning in _HOW]
    blocks = [rich(paragraph(head, *first))]
    lines = [head, *first]
    for each in known.standing:
        own = _lines(each, names)
        lines += own
        blocks += [rich(paragraph(*own)), *actions(_lift(each))]
    return Drawing(spoken([*lines, *below]), [*blocks, rich(paragraph(*below))])


def lift_form(halt: Halt, names: Names) -> Block:
    """Ask once more before somebody's word counts: what is lifted is drawn from the record, not from the message."""
    then = "A second person has to do so too, within an hour." if not halt.lift_by else "Then it is lifted."
    return modal(
        f"Lift {halt.name}",
        [rich(paragraph(*_lines(halt, names), [then]))],
        submit="Lift",
        close="Not now",
        callback_id=ids.LIFT_VIEW,
        private_metadata=halt.name,
    )


def _lines(halt: Halt, names: Names) -> Sequence[Line]:
    what, by = (named(text, namer(names)) for text in (halt.what, called(halt.by)))
    head: Line = ["⛔ ", Bold(f"{halt.name}: {what} is halted"), f" · by {by} ", When(halt.since, DAY_AND_TIME)]
    lines: list[Line] = [head, [f"“{shorten(halt.why, 300)}”"]]
    if halt.lift_at is not None:
        first = named(called(halt.lift_by), namer(names))
        lines.append(
            [f"{first} wants it lifted, ", When(halt.lift_at, DAY_AND_TIME), "; within an hour a second has to."]
        )
    return lines


def _lift(halt: Halt) -> Block:
    return button(LIFTING, ids.LIFT, halt.name)
