"""Count in the ledger what a decision looks at: quotas used, grants held, runs failed, approvals given in turn."""

from dataclasses import replace
from typing import Protocol

from jitbot.model import Counting, Facts, Policy, Request, Tally
from jitbot.policy.wanted import counting


class Counts(Protocol):
    """Where can be counted: within the transaction that decides (`ports.Entry`), or as advice (`ports.Ledger`)."""

    def tally(self, request: Request, what: Counting) -> Tally:
        """Count other requests."""


def counted(where: Counts, policy: Policy, request: Request, facts: Facts) -> Facts:
    """Return the facts with what was counted just now; where nothing has to be, nobody is asked."""
    what = counting(policy, request.action)
    return replace(facts, tally=where.tally(request, what) if what != Counting() else Tally())
