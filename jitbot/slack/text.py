"""Other people's text, made fit to be shown: nothing in it is interpreted, hidden or longer than its place.

Lengths are counted in UTF-16 units, the strictest way Slack may count (an emoji is two).
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BLANKS = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of harmless categories that show nothing."""
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_MARKS_IN_A_ROW = 4
_EXOTIC_SELECTOR = re.compile("[\ufe00-\ufe0d\U000e0100-\U000e01ef\u180b-\u180f]")


def visible(text: str) -> str:
    """Return the text with invisible and direction-changing characters written as `⟨U+202E⟩`; lines stay."""
    return "".join(_shown(text.replace("\r\n", "\n").replace("\t", "    ")))


def _shown(text: str) -> Iterator[str]:
    marks = 0
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        hidden = category in _HIDDEN or character in _BLANKS or _EXOTIC_SELECTOR.match(character) is not None
        hidden = hidden or (category == "Zs" and character != " ") or marks > _MARKS_IN_A_ROW
        if character == "\n" or not hidden or (character == _JOINER and _joins_emoji(text, index)):
            yield character
        else:
            yield f"⟨U+{ord(character):04X}⟩"


def _joins_emoji(text: str, index: int) -> bool:
    """Tell whether this zero-width joiner holds an emoji together, as in a family."""
    before, after = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    return (
        bool(before and after)
        and (before == _EMOJI_STYLE or unicodedata.category(before) in ("So", "Sk"))
        and unicodedata.category(after) == "So"
    )


def size(text: str) -> int:
    """Return how long Slack may think this is."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def truncate(text: str, most: int) -> str:
    """Cut by character, saying how many characters are missing; what fits stays as it is."""
    if size(text) <= most:
        return text
    room = most - len(f"… {len(text)} more characters")
    if room <= 0:
        return _head(text, max(0, most - 1)) + "…"[:most]
    kept = _head(text, room)
    return f"{kept}… {len(text) - len(kept)} more characters"


def shorten(text: str, most: int) -> str:
    """Cut to a label: one line, an ellipsis where something is missing."""
    line = " ".join(visible(text).split())
    return line if size(line) <= most else _head(line, most - 1) + "…"


def _head(text: str, room: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > room:
            return text[:index]
    return text


def escape(text: str) -> str:
    """Escape what Slack would read as an entity: once, at the very end."""
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], text)


def escaped_within(text: str, most: int) -> str:
    """Escape, and cut so that the escaped text fits: `&` alone grows fivefold."""
    whole = escape(text)
    if size(whole) <= most:
        return whole
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(escape(text[:middle])) + len(f"… {len(text) - middle} more characters") <= most:
            low = middle
        else:
            high = middle - 1
    return f"{escape(text[:low])}… {len(text) - low} more characters"


def date(at: datetime, form: str) -> str:
    """Return an instant as Slack shows it in each reader's own zone; `{ago}` counts by itself."""
    return f"<!date^{int(at.timestamp())}^{form}|{fallback(at)}>"


def fallback(at: datetime) -> str:
    """Say an instant where Slack cannot."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def pieces(text: str, most: int) -> list[str]:
    """Split a long text without losing anything, at line ends where there are any."""
    found = []
    while size(text) > most:
        head = _head(text, most)
        cut = head.rfind("\n") + 1 or len(head)
        found.append(text[:cut])
        text = text[cut:]
    return [*found, text] if text else found
