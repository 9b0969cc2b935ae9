"""What people are told, as outbox rows of the same transaction as the move they tell of.

The card is drawn from the ledger when it is sent, so a row for it carries nothing but the request.
"""

from datetime import timedelta

from jitbot.lifecycle import TERMINAL
from jitbot.model import Decision, Outgoing, Request, Review, State, Topic, UserId, Verdict
from jitbot.ports import Entry


def tell(entry: Entry, request: Request, notice: str = "") -> None:
    """Have every copy of the card redrawn, the requester told, and the end summed up in the channel."""
    entry.say(Outgoing(f"card:{request.id}", Topic.CARD, request.id))
    if notice:
        text = f"{request.name} {request.snapshot.title}: {notice}"
        entry.say(Outgoing(f"notice:{request.id}:{request.version}", Topic.NOTICE, request.id, text, request.requester))
        tell_beneficiary(entry, request, notice)
    if request.state in TERMINAL and was_shown(request):
        entry.say(Outgoing(f"summary:{request.id}:{request.version}", Topic.SUMMARY, request.id))


def tell_beneficiary(entry: Entry, request: Request, notice: str) -> None:
    """Tell the person for whom it is asked, where that is somebody else than the requester."""
    if request.beneficiary != request.requester:
        text = f"{request.name} {request.snapshot.title}, for you: {notice}"
        key = f"notice:{request.id}:{request.version}:for"
        entry.say(Outgoing(key, Topic.NOTICE, request.id, text, request.beneficiary))


def was_shown(request: Request) -> bool:
    """Tell whether the channel was ever shown a card: what policy refused at once is between it and the requester."""
    return request.state is not State.DENIED or request.lapses_at is not None


LEAD = timedelta(minutes=5)
"""So long before its end a grant's requester is reminded of it, unless it is that short altogether."""


def announce_end(entry: Entry, request: Request) -> None:
    """Have whoever holds a grant reminded before it ends. Said again, it replaces what waits to be said.

    What is said is drawn when it is time, and nothing is where the grant has ended by then.
    """
    assert request.expires_at is not None  # noqa: S101 - only grants are announced
    wait = request.expires_at - LEAD - entry.now
    if wait >= LEAD:
        entry.say(Outgoing(f"ending:{request.id}", Topic.ENDING, request.id, to=request.requester), wait)


def notify(entry: Entry, user: UserId, key: str, text: str) -> None:
    """Send one person a direct message."""
    entry.say(Outgoing(f"notice:{key}", Topic.NOTICE, None, text, user))


def tell_stood_for(entry: Entry, request: Request, review: Review, decision: Decision, name: str) -> None:
    """Tell those in whose place somebody reviewed: who is counted so, or all where it was nothing of their own."""
    counted = [other for need in decision.needs for user, other in need.stand_ins if user == review.reviewer]
    approved = {user for need in decision.needs for user in need.approved_by}
    if not review.selectors and review.reviewer not in approved:
        counted = [each.delegator for each in review.on_behalf_of]
    said = "approved" if review.verdict is Verdict.APPROVE else "denied"
    for user in dict.fromkeys(counted):
        text = f"{name} {said} {request.name} {request.snapshot.title} in your place."
        key = f"notice:stood_for:{request.id}:{review.revision}:{review.reviewer}:{user}:{said}"
        entry.say(Outgoing(key, Topic.NOTICE, request.id, text, user))


def alarm(entry: Entry, request: Request, text: str) -> None:
    """Tell the operators."""
    entry.say(Outgoing(f"alarm:{request.id}:{request.version}", Topic.ALARM, request.id, f"{request.name}: {text}"))


def lines(entry: Entry, request: Request, number: int, text: str) -> None:
    """Add lines to the thread under the card."""
    key = f"thread:{request.run_key}:{request.version}:{number}"
    entry.say(Outgoing(key, Topic.THREAD, request.id, text))
