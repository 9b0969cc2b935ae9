"""Letters of other alphabets that look like ours: with one of them `prod` is another word, and nobody sees it."""

import re
import unicodedata

from confusable_homoglyphs import categories, confusables

_WORD = re.compile(r"\w+")


def foreign(text: str) -> str:
    """Return the first letter that looks like a Latin one amid Latin ones, and is none; nothing if all is well.

    Whole words of another alphabet are fine; a mixture within a word is not (mixed-script confusables, Unicode TR 39).
    """
    if text.isascii():
        return ""
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    mixed = (word for word in words if confusables.is_dangerous(word, preferred_aliases=["latin"]))
    return next((letter for word in mixed for letter in word if _ours(letter) not in ("", letter)), "")


def named(letter: str) -> str:
    """Name a letter as Unicode does."""
    return f"{letter!r} is {unicodedata.name(letter, f'U+{ord(letter):04X}')}"


def skeleton(text: str) -> str:
    """Return how a text looks: the same for texts that people cannot tell apart."""
    if text.isascii():
        return text
    return "".join(_ours(letter) or letter for letter in unicodedata.normalize("NFC", text))


def _ours(letter: str) -> str:
    """Return the Latin letter or digit that a letter looks like, or nothing."""
    if letter.isascii() or categories.alias(letter) == "COMMON":
        return ""
    found = confusables.is_confusable(letter, greedy=True, preferred_aliases=[]) or []
    alike = (other["c"] for each in found for other in each["homoglyphs"])
    return next((other for other in alike if other.isascii() and other.isalnum()), "")
