"""A decision, and lengths of time, in words: the same words in Slack, on the command line and in the record."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from jitbot.model import Decision, Mark, Need, Reason, Selector, UserId

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


FOLDED = {Mark.UNTRIED: (2, "not tried"), Mark.NO: (8, "do not apply")}
"""More rules in a row than this with the same mark are one line of a folded tree, by their names."""


def explain(decision: Decision, name: Namer, *, folded: bool = False) -> str:
    """Draw the tree of reasons as lines of text; `folded` keeps long runs of rules that decided nothing short."""
    root = decision.tree
    heading = " · ".join(part for part in (root.label, named(root.detail, name), root.where) if part)
    return "\n".join([heading, *_branches(root.children, "", name, folded)])


def seen(decision: Decision) -> str:
    """Return what the rule that decides saw: `params.env is 'prod'`."""
    deciding = (each for each in decision.tree.children if (each.label, each.where) == (decision.rule, decision.where))
    return next((each.detail for each in deciding), "")


def _branches(children: Sequence[Reason], indent: str, name: Namer, folded: bool) -> Iterator[str]:
    shown = _folded(children) if folded else children
    for index, child in enumerate(shown):
        last = index == len(shown) - 1
        sign = "" if child.children and child.label == "guardrails" else SIGNS[child.mark] + " "
        parts = [f"{sign}{child.label}", child.where, named(child.detail, name)]
        yield indent + ("└ " if last else "├ ") + "   ".join(part for part in parts if part)
        yield from _branches(child.children, indent + ("  " if last else "│ "), name, folded)


def _folded(children: Sequence[Reason]) -> Sequence[Reason]:
    """Put one reason in the place of a long run of those that decided nothing."""
    shown: list[Reason] = []
    for mark, run in groupby(children, lambda each: each.mark if not each.children else None):
        alike = list(run)
        most, words = FOLDED[mark] if mark in FOLDED else (len(alike), "")
        if mark is not None and len(alike) > most:
            names = ", ".join(each.label for each in alike)
            shown.append(Reason(mark, f"{len(alike)} rules {words}: {names}"))
        else:
            shown += alike
    return shown


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
    return f"{_so_many(need, name)}: {_whoever(need, name, most)}{_who_left(need, name)}"


def asked(need: Need, name: Namer, most: int = 4) -> str:
    """Say who would be asked, as part of a sentence: `one of the leads (Cy, Di or Eve)`."""
    return f"{_so_many(need, name)} ({_whoever(need, name, most)}){_who_left(need, name)}"


def _so_many(need: Need, name: Namer) -> str:
    number = "one" if need.missing == 1 else str(need.missing)
    return f"{number} of {' or '.join(source_name(source, name) for source in need.sources)}"


def _whoever(need: Need, name: Namer, most: int) -> str:
    stands_for = dict(need.stand_ins)
    shown = [
        f"{name(user)} for {name(stands_for[user])}" if user in stands_for else name(user)
        for user in need.candidates[:most]
    ]
    rest = len(need.candidates) - len(shown) + need.more
    if need.unread:
        return "who that is could not be read just now"
    if rest:
        return f"{', '.join(shown)} or {rest} more"
    return either(shown) or "nobody just now"


def _who_left(need: Need, name: Namer) -> str:
    return f" ({either([name(user) for user in need.left], 'and')} left)" if need.left else ""


def source_name(source: Selector, name: Namer) -> str:
    """Say whom a selector means: a group or rota by its name, a single person by theirs."""
    return name(UserId(source.name)) if source.kind == "user" else source.name


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


def roughly(duration: timedelta) -> str:
    """Say about how long: `4 minutes`, `1 hour`, `20 seconds`, never less than a second."""
    seconds = duration.total_seconds()
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    unit, size = next((each for each in units if seconds >= each[1] * 0.95), units[-1])
    number = max(round(seconds / size), 1)
    return f"{number} {unit}{'s' * (number > 1)}"
