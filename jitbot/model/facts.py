"""Facts: what a decision may look at besides the request, fetched before and passed in.

What could not be read is absent here and named in `unread`; it is never empty, false or zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jitbot.model.people import Person, Standing, UserId


@dataclass(frozen=True, slots=True)
class Facts:
    """One reading of the world. `members` maps a selector's text to who it names now."""

    now: datetime
    members: Mapping[str, frozenset[UserId]] = field(default_factory=dict)
    people: Mapping[UserId, Person] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def may_review(self, user: UserId) -> bool:
        """Tell whether this person is known to be a member of the workspace now."""
        person = self.people.get(user)
        return person is not None and person.standing is Standing.MEMBER

    def gone(self, user: UserId) -> bool:
        """Tell whether this person is known to have left."""
        person = self.people.get(user)
        return person is not None and person.standing is Standing.DEACTIVATED
