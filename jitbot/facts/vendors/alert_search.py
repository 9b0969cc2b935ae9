"""Which open alerts are meant, for Opsgenie and its successor: they share one search language.

It is described at https://support.atlassian.com/opsgenie/docs/search-queries-for-alerts/. Values are put into quotes
and cannot hold one, so that what a person typed stays a value.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from jitbot.facts.vendors.arguments import Arguments, Several, only

Value = Annotated[
    str,
    only(
        r"[A-Za-z0-9_.:/@+-]([A-Za-z0-9_.:/@+ -]{0,98}[A-Za-z0-9_.:/@+-])?",
        "up to 100 letters, digits, spaces and _ . : / @ + -",
    ),
]
Priority = Literal["P1", "P2", "P3", "P4", "P5"]


class AlertSearch(Arguments):
    """Open alerts, acknowledged or not."""

    tag: Several[Value] = Field((), description="Only alerts that have all of these tags, one or a list.")
    team: Several[Value] = Field((), description="Only alerts of one of these teams, by name.")
    priority: Several[Priority] = Field((), description="Only these priorities, of `P1` to `P5`.")

    def query(self) -> str:
        """Return the search for them."""
        return " AND ".join(["status: open", *self._parts()])

    def _parts(self) -> Iterator[str]:
        for tag in self.tag:
            yield f'tag: "{tag}"'
        yield from _any("teams", self.team)
        yield from _any("priority", self.priority)


def _any(field: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield "(" + " OR ".join(f'{field}: "{value}"' for value in values) + ")"
