"""Halt and lift: one person stops starts, at once; two have to agree that they go on.

Nothing that holds or runs is touched: its end and its undo come as before. Who was halted can neither halt nor lift.
"""

from collections.abc import Sequence
from datetime import timedelta

from jitbot.errors import DirectoryUnavailable, InvalidInput, NotFound, NotPermitted, Settled, Tampered, Unavailable
from jitbot.model import Answer, Delivery, Facts, Halt, HaltId, HaltKind, Halts, Person, Policy, Standing, UserId
from jitbot.policy.requirements import reviews_by, satisfied
from jitbot.policy.wanted import reviewing
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.service.facts import FactsReader
from jitbot.service.halt_changes import find, lift, reason, set_halt, want
from jitbot.service.world import World

WITHIN = timedelta(hours=1)
"""So long the first person's word counts; what was seen longer ago says nothing of now."""
LIFT = "/jit halt lift"


class Halting:
    """The use cases of whoever sees that something is wrong, and of those who see that it is right again."""

    def __init__(self, world: World, facts: FactsReader) -> None:
        self._world = world
        self._facts = facts

    def halt(self, delivery: Delivery) -> Answer:
        """Stop the starts of a person, an action, a pool, or all. Raises: UserFault, with nothing changed."""
        user, body, policy = delivery.user, delivery.body, self._world.book.policy
        kind, of = self._about(str(body.get("about", "")), str(body.get("of", "")), policy)
        why = reason(str(body.get("why", "")))
        known = self._trusted(user)
        if (kind, of) == (HaltKind.PERSON, user):
            self._is_member(self._somebody(of))
        else:
            self._permitted([user], _may_halt(policy, kind, of), "halt that")
        with self._world.ledger.begin() as entry:
            made = set_halt(entry, known, Halt(HaltId(0), kind, of, user, why, entry.now))
            entry.settle(delivery.key)
        self._changed()
        return Answer(
            f"{made.name}: {made.what} is halted. Nothing of it starts until two people have lifted that, each with "
            f"{LIFT} {made.name}. What runs or is held goes on, and ends when it would."
        )

    def lift(self, delivery: Delivery) -> Answer:
        """Say that a halt may be lifted; the second who says so within an hour lifts it. Raises: UserFault."""
        user, selectors = delivery.user, [str(each) for each in self._world.book.policy.may_lift]
        known = self._trusted(user)
        halt = find(known, str(delivery.body.get("halt", "")))
        facts = self._permitted([user, UserId(halt.lift_by)], selectors, "lift halts")
        if not reviews_by(selectors, facts, user):
            raise NotPermitted(
                "You joined the group by which you may lift halts less than a day ago. Ask somebody else."
            )
        first = self._still_wants(halt, known, facts, selectors)
        if first == user:
            raise Settled(f"You have said so already. A second person has to lift {halt.name} too.")
        if first:
            self._are_two(first, user, facts)
        with self._world.ledger.begin() as entry:
            if first:
                lift(entry, known, halt, user, first=first)
                said = f"{halt.name} is lifted: {halt.what} may start again."
            else:
                want(entry, known, halt, user)
                said = f"Noted. A second person has to say so within an hour: {LIFT} {halt.name}"
            entry.settle(delivery.key)
        self._changed()
        return Answer(said)

    def _about(self, about: str, of: str, policy: Policy) -> tuple[HaltKind, str]:
        """Read what shall be halted. Raises: InvalidInput, Unavailable."""
        if about not in set(HaltKind):
            raise InvalidInput(f"{shown(about)} is nothing that can be halted. Say person, action, pool or all.")
        kind = HaltKind(about)
        if kind is HaltKind.ALL:
            return kind, ""
        if kind is HaltKind.PERSON:
            return kind, self._somebody(of).id
        pools = {action.pool for action in policy.actions.values() if action.pool}
        there = sorted(policy.actions if kind is HaltKind.ACTION else pools)
        if of not in there:
            known = f" There is {listed(there, 'and', 40)}." if there else f" There is no {kind.value} at all."
            raise InvalidInput(f"There is no {kind.value} {shown(of)}.{did_you_mean(of, there)}{known}")
        return kind, of

    def _somebody(self, user: str) -> Person:
        try:
            return self._world.directory.person(UserId(user))
        except NotFound:
            raise InvalidInput(f"There is nobody with the id {shown(user, 40)} here. Name a person by @.") from None
        except DirectoryUnavailable as error:
            raise Unavailable("Who that is could not be looked up just now. Try again in a minute.") from error

    def _is_member(self, person: Person) -> None:
        """See that whoever halts themselves is somebody here. Raises: NotPermitted."""
        if person.standing is not Standing.MEMBER:
            raise NotPermitted(f"A {person.standing.value} halts nothing here. Ask a full member of this workspace.")

    def _permitted(self, users: Sequence[UserId], selectors: Sequence[str], doing: str) -> Facts:
        """Return what is known of some people, the first of whom one of these selectors names now.

        Raises: NotPermitted, Unavailable.
        """
        user, who = users[0], " or ".join(dict.fromkeys(each.partition(":")[2] for each in selectors))
        if not who:
            raise NotPermitted(f"Nobody may {doing} from here: guardrails name nobody. Ask on the server: jitbot halt")
        facts = self._facts.for_selectors(self._world.book.policy, selectors, [each for each in users if each])
        if facts.may_review(user) and satisfied(selectors, facts, user):
            return facts
        if user not in facts.people or any(selector in facts.unread for selector in selectors):
            raise Unavailable("Whether you may do that could not be looked up just now. Try again in a minute.")
        raise NotPermitted(f"Only {who} may {doing}. Ask one of them.")

    def _still_wants(self, halt: Halt, known: Halts, facts: Facts, selectors: Sequence[str]) -> UserId | None:
        """Return who has said first that a halt may be lifted, if they still may and it was within the hour."""
        if halt.lift_at is None or facts.now >= halt.lift_at + WITHIN:
            return None
        first = UserId(halt.lift_by)
        halted = any(self._halted(each, first) for each in known.standing)
        return first if not halted and facts.may_review(first) and reviews_by(selectors, facts, first) else None

    def _are_two(self, first: UserId, second: UserId, facts: Facts) -> None:
        """See that two accounts are two people, neither acting for the other. Raises: NotPermitted, Unavailable."""
        if facts.identity(first) == facts.identity(second):
            raise NotPermitted(f"You and <@{first}>, who said so first, are one person. Somebody else has to.")
        try:
            known = self._world.delegations.standing(facts.now).standing
        except Tampered as error:
            raise Unavailable("The signed record does not hold just now, so nothing is lifted from here.") from error
        if any({each.delegator, each.delegate} == {first, second} for each in known):
            raise NotPermitted(f"One of you and <@{first}>, who said so first, stands in for the other. Ask a third.")

    def _trusted(self, user: UserId) -> Halts:
        """Return which halts stand, to somebody who is not halted. Raises: NotPermitted, Unavailable."""
        known = self._world.halts.follow()
        if known.fault:
            raise Unavailable(f"{known.fault} The operators have to look at the record first.")
        own = next((each for each in known.standing if self._halted(each, user)), None)
        if own is not None:
            raise NotPermitted(
                f"You are halted ({own.name}). Until that is lifted, you neither halt nor lift anything."
            )
        return known

    def _halted(self, halt: Halt, user: UserId) -> bool:
        """Tell whether a halt is about somebody, with whichever account. Raises: Unavailable."""
        return halt.kind is HaltKind.PERSON and self._identity(UserId(halt.of)) == self._identity(user)

    def _identity(self, user: UserId) -> str:
        try:
            return self._world.directory.person(user).identity
        except NotFound:
            return user
        except DirectoryUnavailable as error:
            raise Unavailable("Who is halted could not be looked up just now. Try again in a minute.") from error

    def _changed(self) -> None:
        self._world.halts.follow()
        self._world.queue.messages()


def _may_halt(policy: Policy, kind: HaltKind, of: str) -> list[str]:
    """Return who may halt something, as selectors: who may lift or end it may too, and an action's approvers that."""
    named = [str(each) for each in (*policy.may_halt, *policy.may_lift, *policy.may_end)]
    return named + sorted(reviewing(policy.actions[of].rules) if kind is HaltKind.ACTION else ())
