"""Accounts in Slack that are no person's: what they are, and who stands behind them, as `people.yml` says."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from jitbot.model import Facts, Person, Policy, UserId


def standing_behind(policy: Policy, users: Iterable[UserId]) -> frozenset[str]:
    """Return by which selectors it is said who stands behind these accounts; none for those of people."""
    accounts = [policy.accounts[user] for user in users if user in policy.accounts]
    return frozenset(str(selector) for account in accounts for selector in account.behind)


def with_kinds(policy: Policy, people: Mapping[UserId, Person]) -> Mapping[UserId, Person]:
    """Return people with what their accounts are said to be."""
    said = {user: policy.accounts[user].kind for user in people.keys() & policy.accounts.keys()}
    return {**people, **{user: replace(people[user], kind=kind) for user, kind in said.items()}}


def everybody(selectors: Collection[str], facts: Facts) -> frozenset[UserId] | None:
    """Return everybody whom these selectors name; None where one of them could not be read."""
    if any(selector not in facts.members for selector in selectors):
        return None
    return frozenset().union(*(facts.members[selector] for selector in selectors))
