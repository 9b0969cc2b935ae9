"""A decision, and lengths of time, in words: the same words in Slack, on the command line and in the record."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from jitbot.model import Decision, Mark, Need, Reason, UserId

SIGNS = {
    Mark.YES: "✓",
    Mark.NO: "–",  # noqa: RUF001 - a dash that people read, as wide as the signs above
    Mark.OPEN: "○",
    Mark.ERROR: "⚠",
    Mark.DENIED: "✗",
    Mark.UNTRIED: "·",
}

Namer = Callable[[UserId], str]
"""Gives a person's name for display; adapters decide whether that is a mention or plain text."""


def explain(decision: Decision, name: Namer) -> str:
    """Draw the tree of reasons as lines of text."""
    root = decision.tree
    heading = " · ".join(part for part in (root.label, named(root.detail, name), root.where) if part)
    return "\n".join([heading, *_branches(root.children, "", name)])


def _branches(children: Sequence[Reason], indent: str, name: Namer) -> Iterator[str]:
    for index, child in enumerate(children):
        last = index == len(children) - 1
        sign = "" if child.children and child.label == "guardrails" else SIGNS[child.mark] + " "
        parts = [f"{sign}{child.label}", child.where, named(child.detail, name)]
        yield indent + ("└ " if last else "├ ") + "   ".join(part for part in parts if part)
        yield from _branches(child.children, indent + ("  " if last else "│ "), name)


def named(text: str, name: Namer) -> str:
    """Put names where a text of ours holds ids (`<@U…>`)."""
    pieces = text.split("<@")
    shown = [pieces[0]]
    for piece in pieces[1:]:
        user, closed, rest = piece.partition(">")
        shown.append(name(UserId(user)) + rest if closed else "<@" + piece)
    return "".join(shown)


def who(need: Need, name: Namer, most: int = 4) -> str:
    """Say who can still approve for one need: `one of the leads: Cy, Di or Eve`."""
    group = " or ".join(source.name for source in need.sources)
    number = "one" if need.missing == 1 else str(need.missing)
    stands_for = dict(need.stand_ins)
    shown = [
        f"{name(user)} for {name(stands_for[user])}" if user in stands_for else name(user)
        for user in need.candidates[:most]
    ]
    rest = len(need.candidates) - len(shown) + need.more
    if need.unread:
        people = "who that is could not be read just now"
    elif rest:
        people = f"{', '.join(shown)} or {rest} more"
    else:
        people = either(shown) or "nobody just now"
    left = f" ({either([name(user) for user in need.left], 'and')} left)" if need.left else ""
    return f"{number} of {group}: {people}{left}"


def either(words: Sequence[str], last: str = "or") -> str:
    """Join words as a sentence does: `Cy, Di or Eve`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def length(duration: timedelta) -> str:
    """Say a length of time in its two largest units: `2 h 5 min`, `41 s`."""
    seconds = round(duration.total_seconds())
    if seconds < 1:
        return "under a second"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for unit, size in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {unit}")
            seconds %= size
    return " ".join(parts[:2])
