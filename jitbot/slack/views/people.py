"""Names: who is on a drawing, and how they are called."""

from collections.abc import Iterator, Mapping, Sequence

from jitbot.explain import Namer
from jitbot.model import Decision, Reason, Request, Review, UserId, Verdict

Names = Mapping[UserId, str]
"""Display names by id; whoever is missing is shown by id."""


def namer(names: Names) -> Namer:
    """Return how `explain` asks for names."""
    return lambda user: names.get(user, user)


def on_card(request: Request, reviews: Sequence[Review]) -> set[UserId]:
    """Return everybody whose name a drawing of this request may need."""
    people = {request.requester, request.beneficiary, *(review.reviewer for review in reviews)}
    return people | in_decision(request.decision)


def in_decision(decision: Decision | None) -> set[UserId]:
    """Return everybody a decision names."""
    if decision is None:
        return set()
    people = {user for need in decision.needs for user in (*need.approved_by, *need.candidates, *need.left)}
    people |= set(_in_tree(decision.tree))
    return people | ({decision.denied_by} if decision.denied_by else set())


def mentioned(text: str) -> set[UserId]:
    """Return everybody whose id stands in a text (`<@U…>`)."""
    parted = (piece.partition(">") for piece in text.split("<@")[1:])
    return {UserId(user) for user, closed, _ in parted if closed}


def _in_tree(reason: Reason) -> Iterator[UserId]:
    yield from mentioned(reason.detail)
    for child in reason.children:
        yield from _in_tree(child)


def approvers(request: Request, reviews: Sequence[Review]) -> list[UserId]:
    """Return who approved this revision, in order."""
    counted = (each for each in reviews if each.revision == request.revision and each.selectors)
    return [each.reviewer for each in counted if each.verdict is Verdict.APPROVE]
