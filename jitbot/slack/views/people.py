"""Names: who is on a drawing, and how they are called."""

from collections.abc import Iterator, Mapping, Sequence

from jitbot.explain import Namer
from jitbot.model import Decision, Reason, Request, Review, UserId, Verdict

Names = Mapping[UserId, str]
"""Display names by id; whoever is missing is shown by id."""


MOST_NAMED = 10
"""So many of those who are told one by one are named where it is said who is."""


def namer(names: Names) -> Namer:
    """Return how `explain` asks for names."""
    return lambda user: names.get(user, user)


def on_card(request: Request, reviews: Sequence[Review]) -> set[UserId]:
    """Return everybody whose name a drawing of this request may need."""
    people = {request.requester, request.beneficiary, *(review.reviewer for review in reviews)}
    if request.obligation is not None and request.obligation.reviewed_by is not None:
        people.add(request.obligation.reviewed_by)
    return people | in_decision(request.decision)


def in_decision(decision: Decision | None) -> set[UserId]:
    """Return everybody a decision names."""
    if decision is None:
        return set()
    people = {user for need in decision.needs for user in (*need.approved_by, *need.candidates, *need.left)}
    people |= set(decision.owes.skipped[:MOST_NAMED]) if decision.owes is not None else set()
    people |= set(_in_tree(decision.tree))
    tiers = (source for tier in decision.waiting.escalate for source in tier.to)
    sources = (*(source for need in decision.needs for source in need.sources), *tiers)
    people |= {UserId(source.name) for source in sources if source.kind == "user"}
    return people | ({decision.denied_by} if decision.denied_by else set())


def pinged(text: str) -> list[UserId]:
    """Return the people whom a text of ours names by id (`<@U…>`)."""
    pieces = (piece.partition(">") for piece in text.split("<@")[1:])
    return [UserId(user) for user, closed, _ in pieces if closed]


def _in_tree(reason: Reason) -> Iterator[UserId]:
    yield from pinged(reason.detail)
    for child in reason.children:
        yield from _in_tree(child)


def approvers(request: Request, reviews: Sequence[Review]) -> list[UserId]:
    """Return who approved this revision, in order."""
    counted = (each for each in reviews if each.revision == request.revision and each.selectors)
    return [each.reviewer for each in counted if each.verdict is Verdict.APPROVE]
