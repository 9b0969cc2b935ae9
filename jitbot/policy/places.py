"""What `{…}` may stand for in a fact's arguments besides parameters: the request itself."""

from collections.abc import Mapping
from typing import Any

from jitbot.model import Facts, Request

PLACES: Mapping[str, Any] = {
    "request.id": 1,
    "request.action": "restart",
    "request.reason": "INC-1 because",
    "request.target": "service",
    "requester.id": "U024BE7LH",
    "requester.email": "ann@example.com",
}
"""Each name with a sample, by which arguments are tried when policies are loaded."""


def places(request: Request, facts: Facts) -> Mapping[str, Any]:
    """Return what stands for each name now; an address that could not be looked up is left out."""
    person = facts.people.get(request.requester)
    found = {
        **request.params,
        "request.id": int(request.id),
        "request.action": request.action,
        "request.reason": request.reason,
        "request.target": request.snapshot.target,
        "requester.id": str(request.requester),
    }
    return found | ({"requester.email": person.email} if person is not None and person.email else {})
