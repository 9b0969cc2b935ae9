"""Names: who is on a drawing, and how they are called."""

from collections.abc import Iterator, Mapping, Sequence

from jitbot.explain import Namer, either
from jitbot.model import Decision, Need, Reason, Request, Review, UserId, Verdict

Names = Mapping[UserId, str]
"""Display names by id; whoever is missing is shown by id."""


MOST_NAMED = 10
"""So many of those who are told one by one are named where it is said who is."""


def namer(names: Names) -> Namer:
    """Return how `explain` asks for names."""
    return lambda user: names.get(user, user)


def on_card(request: Request, reviews: Sequence[Review]) -> set[UserId]:
    """Return everybody whose name a drawing of this request may need."""
    people = {request.requester, request.beneficiary, *(user for review in reviews for user in review.people)}
    if request.obligation is not None and request.obligation.reviewed_by is not None:
        people.add(request.obligation.reviewed_by)
    if request.settled_by is not None:
        people.add(request.settled_by)
    return people | mentioned(request.halted) | in_decision(request.decision)


def in_decision(decision: Decision | None) -> set[UserId]:
    """Return everybody a decision names."""
    if decision is None:
        return set()
    people = {user for need in decision.needs for user in (*need.approved_by, *need.candidates, *need.left)}
    people |= {user for need in decision.needs for pair in need.stand_ins for user in pair}
    people |= set(decision.owes.skipped[:MOST_NAMED]) if decision.owes is not None else set()
    people |= set(_in_tree(decision.tree))
    tiers = (source for tier in decision.waiting.escalate for source in tier.to)
    sources = (*(source for need in decision.needs for source in need.sources), *tiers)
    people |= {UserId(source.name) for source in sources if source.kind == "user"}
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
    counted = (each for each in reviews if each.revision == request.revision and (each.selectors or each.on_behalf_of))
    return [each.reviewer for each in counted if each.verdict is Verdict.APPROVE]


def called(user: UserId, names: Names, needs: Sequence[Need]) -> str:
    """Return a name, and in whose place that person counts: `Di for Cy`."""
    other = next((pair[1] for need in needs for pair in need.stand_ins if pair[0] == user), None)
    name = names.get(user, user)
    return name if other is None else f"{name} for {names.get(other, other)}"


def reviewer(review: Review, names: Names) -> str:
    """Return who reviewed, and for whom where it was not as themselves."""
    name = names.get(review.reviewer, review.reviewer)
    others = [names.get(each.delegator, each.delegator) for each in review.on_behalf_of]
    return f"{name} for {either(others)}" if others and not review.selectors else name
