"""Alerts as Opsgenie and Jira Service Management search them: `a: "x" AND (b: "y" OR b: "z")`."""

import re
from dataclasses import dataclass

_TERM = re.compile(r'(\w+): "?([^"]*?)"?')


@dataclass(frozen=True)
class Alert:
    status: str = "open"
    priority: str = "P3"
    tags: tuple[str, ...] = ()
    team: str = "payments"

    def has(self, term: str) -> bool:
        found = _TERM.fullmatch(term)
        assert found, f"no term: {term}"
        values = {"status": [self.status], "priority": [self.priority], "tag": self.tags, "teams": [self.team]}
        return found[2] in values[found[1]]

    def matches(self, query: str) -> bool:
        return all(
            any(self.has(term) for term in part.removeprefix("(").removesuffix(")").split(" OR "))
            for part in query.split(" AND ")
        )
