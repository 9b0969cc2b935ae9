"""Standing in: who reviews in whose place, for one request.

One hop only, and never by or to the requester or the beneficiary. A review given for somebody counts as theirs or as
the reviewer's own, never as both: each human is counted once, whoever pressed.
"""

from collections.abc import Collection
from dataclasses import replace

from jitbot.model import Facts, Request, Review, UserId


def outsiders(request: Request, facts: Facts) -> frozenset[UserId]:
    """Return whose reviews never count for this request, whoever gives them and with whichever account.

    Who stands behind an account that is no person's is who asks with it.
    """
    return facts.accounts((request.requester, request.beneficiary, *(facts.behind or ())))


def deputies(outside: Collection[UserId], facts: Facts) -> dict[UserId, UserId]:
    """Return who stands in for whom now, by the one stood in for; nobody by or to those outside."""
    return {
        each.delegator: each.delegate
        for each in facts.delegations
        if each.stands(facts.now) and each.delegator not in outside and each.delegate not in outside
    }


def counting(review: Review, request: Request, facts: Facts) -> Review | None:
    """Return what of a review counts: without those it was given for who have left, None where nothing is left."""
    if facts.gone(review.reviewer):
        return None
    outside = outsiders(request, facts)
    stood_for = tuple(
        each for each in review.on_behalf_of if each.delegator not in outside and not facts.gone(each.delegator)
    )
    return replace(review, on_behalf_of=stood_for) if review.selectors or stood_for else None
