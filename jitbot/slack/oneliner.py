"""`/jit …` as people type it: curly quotes, escaped entities and auto-links understood, and nothing of it lost.

Grammar: a word of ours (`status JIT-12`), or an action followed by `key=value` pairs, `for=30m`, `at=18:30` and
`reason="…"`. Words after the pairs are the reason, typed without quotes.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from jitbot.errors import InvalidInput
from jitbot.slack.typed import Typed

_LINK = re.compile(r"<(?:mailto:|tel:)?([^<>|]*)(?:\|([^<>]*))?>")
_ADDRESSED = re.compile(r"<(?:mailto|tel):([^<>|]*)\|([^<>]*)>")
_PLACE = re.compile(r"<#[CG][A-Z0-9]+\|([^<>]*)>")
_GROUP = re.compile(r"<!subteam\^[A-Z0-9]+\|(@?[^<>]*)>")
_PERSON = re.compile(r"<@([UW][A-Z0-9_]+)(?:\|[^<>]*)?>")
_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "”", "”": "”", "‘": "’", "’": "’", "«": "»"}  # noqa: RUF001 - as keyboards type them
_CLOSERS = {'"': '"”“', "“": '”"“', "„": '”“"', "”": '”"', "'": "'’", "‘": "’'", "’": "’'", "«": "»"}  # noqa: RUF001 - as keyboards type them


class Word(StrEnum):
    """The words jitbot knows besides the names of actions."""

    HELP = "help"
    STATUS = "status"
    MINE = "mine"
    PENDING = "pending"
    WITHDRAW = "withdraw"
    DROP = "drop"
    EXTEND = "extend"
    WHY = "why"
    DELEGATE = "delegate"
    HALT = "halt"


ABOUT_ONE = frozenset({Word.STATUS, Word.WITHDRAW, Word.DROP, Word.EXTEND, Word.WHY})


@dataclass(frozen=True, slots=True)
class Command:
    """What was typed after `/jit`: nothing, a word of ours with what it is about, or an action with its values."""

    word: Word | None = None
    about: str = ""
    typed: Typed | None = None


def parse(text: str, *, forgiving: bool = False) -> Command:
    """Read what was typed. Raises: InvalidInput, naming the place, for a quote that is never closed.

    `forgiving` takes such a quote to go on to the end, for a form in which it can be put right.
    """
    plain = decode(text).strip()
    if not plain:
        return Command()
    first, _, rest = plain.partition(" ") if "\n" not in plain.split(" ", 1)[0] else _split_line(plain)
    word = next((each for each in Word if each == first.lower()), None)
    if word is not None and "=" not in rest.split(" ")[0]:
        return Command(word, rest.strip())
    return Command(typed=_typed(first, rest, forgiving))


def about_one(text: str) -> Typed:
    """Read what a word of ours is about: a request, in the place of an action, and values. Raises: InvalidInput."""
    first, rest = [*text.split(None, 1), "", ""][:2]
    return _typed(first, rest, forgiving=False)


def _split_line(plain: str) -> tuple[str, str, str]:
    first, rest = plain.split(None, 1)
    return first, " ", rest


def decode(text: str) -> str:
    """Undo what Slack does to typed text: entities, links it made by itself, people and places."""
    text = _ADDRESSED.sub(lambda found: found[2], text)
    text = _PLACE.sub(lambda found: f"#{found[1]}", text)
    text = _GROUP.sub(lambda found: found[1], text)
    pieces = re.split(r"(<@[UW][A-Z0-9_]+(?:\|[^<>]*)?>)", text)
    pieces[1::2] = [_PERSON.sub(lambda found: f"<@{found[1]}>", person) for person in pieces[1::2]]
    pieces[::2] = [_unescaped(_LINK.sub(_linked, words)) for words in pieces[::2]]
    return "".join(pieces)


def _linked(found: re.Match[str]) -> str:
    """Return what was typed: the words of a link that Slack made (`<http://x.io|x.io>`), else its address."""
    address, words = found[1], found[2]
    if words and words.removeprefix("http://").removeprefix("https://").rstrip("/") in address:
        return words
    return address if not words else f"{words} ({address})"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _typed(action: str, rest: str, forgiving: bool) -> Typed:
    values: dict[str, str] = {}
    position = 0
    while (found := _KEY.match(rest, _skip(rest, position))) is not None:
        value, position = _value(rest, found.end(), found[1], forgiving)
        values[found[1]] = f"{values[found[1]]},{value}" if found[1] in values else value
    trailing = rest[position:].strip()
    reason = _joined(values.pop("reason", ""), _unquoted(trailing))
    ttl, at = values.pop("for", "").strip(), values.pop("at", "").strip()
    glass = _yes(values.pop("break-glass", "no"))
    return Typed(action, values, reason, ttl, at, glass)


def _yes(text: str) -> bool:
    """Read `break-glass=yes`. Raises: InvalidInput for what is neither yes nor no."""
    word = text.strip().lower()
    if word not in ("yes", "true", "no", "false"):
        raise InvalidInput(f"break-glass can be yes or no, not “{text[:40]}”.")
    return word in ("yes", "true")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _value(text: str, start: int, key: str, forgiving: bool) -> tuple[str, int]:
    """Read a value, quoted or up to the next space; the quotes may be any that a keyboard puts there."""
    if start >= len(text) or text[start] not in _QUOTES:
        found = re.compile(r"\S*").match(text, start)
        end = found.end() if found else start
        return text[start:end], end
    closers = _CLOSERS[text[start]]
    value: list[str] = []
    position = start + 1
    while position < len(text):
        if text[position] == "\\" and text[position + 1 : position + 2] in (*closers, "\\"):
            position += 1
        elif text[position] in closers and _ends(text, position + 1):
            return "".join(value), position + 1
        value.append(text[position])
        position += 1
    if forgiving:
        return "".join(value), position
    raise InvalidInput(
        f"The quote after {key}= is never closed: {text[start : start + 40]}… Put a {_QUOTES[text[start]]} at its end."
    )


def _ends(text: str, position: int) -> bool:
    """Tell whether a quote here can be the closing one: an apostrophe within a word is not."""
    return position >= len(text) or text[position].isspace()


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] in _CLOSERS and text[-1] in _CLOSERS[text[0]]:
        return text[1:-1]
    return text


def _joined(first: str, second: str) -> str:
    return f"{first} {second}".strip() if first and second else first or second
