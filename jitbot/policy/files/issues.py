"""Everything wrong with a set of policy files, collected so that one load names it all."""

from dataclasses import dataclass

from jitbot.errors import PolicyError

SHOWN = 100
"""So many problems are listed; files with more of them are read again anyway."""

MOST = 300
"""After so many the load ends at once: finding words for each of a million would take minutes."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file, counted from one as editors do."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Issues:
    """Collects problems; `raise_if_any` reports them in the order of files and lines."""

    def __init__(self) -> None:
        self._found: set[tuple[Place, str]] = set()

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, message: str) -> None:
        """Note one problem, in one line. Raises: PolicyError when there are too many to go on."""
        self._found.add((place, " ".join(message.split("\n"))))
        if len(self._found) > MOST:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise: PolicyError with one line for each problem."""
        found = sorted(self._found)
        lines = [f"{place}: {message}" for place, message in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"{found[SHOWN][0]}: and {len(found) - SHOWN} more problems from here on.")
        if lines:
            raise PolicyError("\n".join(lines))
