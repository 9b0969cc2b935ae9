"""Rows and bodies with places in them that are different from one request to the next: names, people, times."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

ASKERS = 1_000
"""So many people ask."""
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?(?:Z|\+00:00)"


@dataclass(frozen=True, slots=True)
class Stamp:
    """One request's own values; everything about it happens so much later."""

    number: int
    later: timedelta

    def name(self) -> str:
        """Return the number as it is written."""
        return str(self.number)

    def valve(self) -> str:
        """Return what it turns: always six digits."""
        return str(100_000 + self.number % 900_000)

    def asker(self) -> str:
        """Return who asked."""
        return f"U0F{self.number % ASKERS:04}"


class Stamped:
    """A row, or a body, whose places are found once and filled for each stamp."""

    def __init__(self, value: Any, said: Mapping[str, Callable[[Stamp], str]]) -> None:
        """`said` names what is replaced, and by what; whole numbers count as their digits. Instants always move."""
        self._value = value
        self._said = said
        self._pattern = re.compile("|".join([f"(?<![0-9]){re.escape(each)}(?![0-9])" for each in said] + [INSTANT]))
        self._places = list(self._find(value))

    def by(self, stamp: Stamp) -> Any:
        """Return it with this stamp's values: the same object each time, to be used before the next."""
        for within, name, fill in self._places:
            within[name] = fill(stamp)
        return self._value

    def _find(self, value: Any) -> Iterator[tuple[Any, Any, Callable[[Stamp], Any]]]:
        for name, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            if isinstance(each, dict | list):
                yield from self._find(each)
            elif isinstance(each, int) and str(each) in self._said:
                yield value, name, self._number(self._said[str(each)])
            elif isinstance(each, str) and self._pattern.search(each):
                yield value, name, self._text(each)

    @staticmethod
    def _number(said: Callable[[Stamp], str]) -> Callable[[Stamp], int]:
        return lambda stamp: int(said(stamp))

    def _text(self, text: str) -> Callable[[Stamp], str]:
        found, between = self._pattern.findall(text), self._pattern.split(text)
        fillings = [self._said.get(each) or _moved(each) for each in found]

        def filled(stamp: Stamp) -> str:
            pieces = [between[0]]
            for fill, behind in zip(fillings, between[1:], strict=True):
                pieces += (fill(stamp), behind)
            return "".join(pieces)

        return filled


def _moved(instant: str) -> Callable[[Stamp], str]:
    at = datetime.fromisoformat(instant)
    mark = "Z" if instant.endswith("Z") else "+00:00"

    def moved(stamp: Stamp) -> str:
        return (at + stamp.later).isoformat(timespec="microseconds").removesuffix("+00:00") + mark

    return moved
