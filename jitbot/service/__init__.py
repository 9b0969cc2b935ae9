"""The use cases, each written once: take in, ask, decide, review, change, delegate, end, run, settle, undo, sweep."""

from jitbot.lifecycle import TERMINAL
from jitbot.model import DeliveryKind, State
from jitbot.service.applying import Applying
from jitbot.service.asking import Asking
from jitbot.service.book import Book, Folder
from jitbot.service.changing import Changing
from jitbot.service.chasing import Chasing
from jitbot.service.delegating import Delegating
from jitbot.service.ending import Ending
from jitbot.service.extending import Extending
from jitbot.service.facts import FactsReader
from jitbot.service.halting import Halting
from jitbot.service.handing_out import HandingOut
from jitbot.service.intake import Intake
from jitbot.service.joining import Joining
from jitbot.service.leaving import Leaving
from jitbot.service.outcomes import Outcomes
from jitbot.service.owing import Owing, overdue
from jitbot.service.queries import Queries
from jitbot.service.reconciling import Reconciling
from jitbot.service.reloading import Reloading
from jitbot.service.restoring import Restoring
from jitbot.service.reviewing import Reviewing
from jitbot.service.rollouts import Rollouts
from jitbot.service.running import Running
from jitbot.service.settling import Settling
from jitbot.service.stand_ins import StandIns
from jitbot.service.sweep import Sweep
from jitbot.service.undoing import Undoing
from jitbot.service.watching import Watching
from jitbot.service.world import World

__all__ = ["Book", "Folder", "Reconciling", "Restoring", "Service", "World"]


class Service:
    """All use cases over one world, each doing one thing and given only what it needs."""

    def __init__(self, world: World) -> None:
        self._results = world.results
        joining = Joining(world)
        self._facts = FactsReader(
            world.directory,
            world.ledger,
            world.sources,
            StandIns(world).for_any,
            overdue=overdue(world),
            young=joining.young,
        )
        self.book = world.book
        asking = Asking(world, self._facts)
        watching = Watching(world, self._facts)
        rollouts = Rollouts(world, watching)
        undoing = Undoing(world, watching, rollouts)
        outcomes = Outcomes(watching)
        running = Running(world, asking, watching, rollouts, outcomes)
        applying = Applying(world, asking)
        settling = Settling(world, running, rollouts, outcomes)
        ending = Ending(world, self._facts, asking, settling)
        self.extending = Extending(world, asking)
        reviewing = Reviewing(world, self._facts, asking)
        self.changing = Changing(world, reviewing)
        delegating = Delegating(world)
        halting = Halting(world, self._facts)
        owing = Owing(world, self._facts)
        chasing = Chasing(world, asking, reviewing, owing)
        self.intake = Intake(
            world,
            {
                DeliveryKind.ASK: asking.ask,
                DeliveryKind.APPROVE: reviewing.review,
                DeliveryKind.APPROVE_CHANGED: self.changing.approve,
                DeliveryKind.DENY: reviewing.review,
                DeliveryKind.WITHDRAW: ending.withdraw,
                DeliveryKind.DROP: ending.drop,
                DeliveryKind.EXTEND: self.extending.extend,
                DeliveryKind.SETTLE: ending.settle,
                DeliveryKind.LOOK: ending.look,
                DeliveryKind.DELEGATE: delegating.delegate,
                DeliveryKind.END_DELEGATION: delegating.end,
                DeliveryKind.REVIEW_AFTER: owing.review,
                DeliveryKind.HALT: halting.halt,
                DeliveryKind.LIFT: halting.lift,
            },
        )
        self.reloading = Reloading(world, asking, reviewing)
        self.queries = Queries(world, self._facts, asking, ending, owing)
        self.handing_out = HandingOut(world, self.queries)
        self.sweep = Sweep(
            world,
            intake=self.intake,
            chasing=chasing,
            leaving=Leaving(world, self._facts),
            joining=joining,
            states={
                State.DECIDING: asking.decided,
                State.PENDING: chasing.waits,
                State.APPROVED: lambda each: (applying if each.extension else running).approved(each),
                State.RUNNING: lambda each: applying.begun(each) if each.extension else running.lost(each),
                State.VERIFYING: watching.look,
                State.ACTIVE: undoing.expired,
                State.UNDOING: undoing.undo,
                State.UNSURE: settling.unsure,
            }
            | dict.fromkeys(TERMINAL, undoing.clean_up),
        )

    def close(self) -> None:
        """Let go of the threads that fetch facts, and of those that wait for the database with a result."""
        self._results.give_up()
        self._facts.close()
