"""Text from other systems, made fit to be shown: invisible and direction-changing characters show, lines are capped."""

import re

LINE_CHARACTERS = 1_000
KEPT_CHARACTERS = 16_000
"""How much of one line of output is kept; a card and a thread show less of it."""

_ODD = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return text in which control, invisible and direction-changing characters show."""
    return _ODD.sub(_picture, text)


def shown(text: str, most: int = LINE_CHARACTERS) -> str:
    """Return one line as people see it: visible and capped."""
    text = visible(text)
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more)"


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"
