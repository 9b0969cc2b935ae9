"""What the buttons of cards do: one click, one delivery, one answer; or a modal that asks or shows more."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack

from jitbot.errors import InvalidInput, JitbotError, NotifyError, Settled, Stale, UserFault
from jitbot.model import Copy, DeliveryKind, Request, RequestId, Review, State
from jitbot.service.facing import face
from jitbot.slack.desk import Body, Desk, Listener
from jitbot.slack.door import Caller, caller_of
from jitbot.slack.seals import SEALED
from jitbot.slack.spans import Block
from jitbot.slack.typed import Typed, placed, read_instant
from jitbot.slack.views import ids, small
from jitbot.slack.views.break_glass import ACCEPT, review_after_form
from jitbot.slack.views.change import change_form
from jitbot.slack.views.people import Names, on_card
from jitbot.slack.views.whole import details, review_form

log = logging.getLogger(__name__)

NOT_OURS = (
    "This card is not one of mine, so nothing was done. Look at the request itself with /jit status, "
    "and at what waits for you with /jit pending."
)
SAME_CLICK_SECONDS = 2
"""Clicks of one person on one button within such a span count once: a double click, or the same one delivered twice."""


Shown = Callable[[Request, Sequence[Review], Names], Block]


@dataclass(frozen=True, slots=True)
class Click:
    """A press of a button: on which message, about which request, as it was drawn at which revision."""

    caller: Caller
    request: RequestId
    revision: int
    seen: str
    """The digest of what was drawn."""
    action: str
    channel: str
    ts: str
    at: str

    @property
    def key(self) -> str:
        """Return the delivery's key."""
        span = int(float(self.at or 0)) // SAME_CLICK_SECONDS
        drawn = f"{self.request}.{self.revision}"
        return f"click:{self.caller.team}:{self.caller.user}:{drawn}:{self.action}:{self.ts}:{span}"


def read_click(body: Body, caller: Caller) -> Click:
    """Read a click. Raises: Stale for a button that carries nothing of ours."""
    pressed = body["actions"][0]
    stamp = ids.read_stamp(str(pressed.get("value", "")))
    container = body.get("container") or {}
    return Click(
        caller,
        stamp.request,
        stamp.revision,
        stamp.seen,
        str(pressed["action_id"]),
        str(container.get("channel_id") or ""),
        str(container.get("message_ts") or ""),
        str(pressed.get("action_ts") or ""),
    )


class Clicks:
    """The listeners of cards' buttons."""

    def __init__(self, desk: Desk, open_form: Callable[[Body, Caller, Typed], None]) -> None:
        self._desk = desk
        self._open_form = open_form

    def counting(self, kind: DeliveryKind, **said: Any) -> Listener:
        """Return the listener of a button that changes something: it counts only on a card we know."""

        def on_click(ack: Ack, body: Body) -> None:
            click = read_click(body, self._desk.door.enter(body))
            copy = self._desk.cards.adopt(click.request, click.caller.user, click.channel, click.ts)
            if copy is None:
                raise Stale(NOT_OURS)
            drawn = {"revision": click.revision, "seen": click.seen, "channel": click.channel, "ts": click.ts}
            if click.action in SEALED and not self._desk.cards.as_drawn(body):
                log.warning("JIT-%s: the card in %s shows something else than was drawn", click.request, click.channel)
                self._desk.take_in(click.key, kind, click.caller, {**drawn, **said, "edited": True}, click.request)
                ack()
                self._desk.hands.give(self._show_instead, body, click, copy)
                return
            self._desk.take_in(click.key, kind, click.caller, {**drawn, **said}, click.request)
            ack()
            self._desk.hands.give(self._work, click, copy, body)

        return on_click

    def on_deny(self, ack: Ack, body: Body) -> None:
        """Ask why."""
        click = read_click(body, self._desk.door.enter(body))
        request, _ = self._desk.service.queries.card(click.request)
        if request.state not in (State.PENDING, State.APPROVED):
            raise Settled(f"{request.name} is {request.state.value.replace('_', ' ')} already, so it cannot be denied.")
        ack()
        self._desk.hands.give(self._open, body, click.caller, small.deny_form(request))

    def on_change(self, ack: Ack, body: Body) -> None:
        """Ask what shall be different."""
        click = read_click(body, self._desk.door.enter(body))
        request, _ = self._desk.service.queries.card(click.request)
        if request.state is not State.PENDING:
            raise Settled(f"{request.name} is {request.state.value.replace('_', ' ')} already; nothing can be changed.")
        if request.revision != click.revision or click.seen not in ("", face(request)):
            raise Stale(f"{request.name} has changed since this was drawn. Look at it again, then decide.")
        ack()
        self._desk.hands.give(self._open, body, click.caller, change_form(request))

    def on_review(self, ack: Ack, body: Body) -> None:
        """Show everything, with Approve below."""
        self._look(ack, body, review_form)

    def on_details(self, ack: Ack, body: Body) -> None:
        """Show everything, and why."""
        self._look(ack, body, details)

    def on_again(self, ack: Ack, body: Body) -> None:
        """Open the form with what was asked for the last time."""
        click = read_click(body, self._desk.door.enter(body))
        request, _ = self._desk.service.queries.card(click.request)
        if click.caller.user != request.requester:
            raise Settled(f"{request.name} is not yours; ask for your own with {ids.COMMAND}.")
        ack()
        self._desk.hands.give(self._open_form, body, click.caller, _again(request))

    def on_output(self, ack: Ack, body: Body) -> None:
        """Have what the runs said sent to whoever asks for it, if they may see the request."""
        click = read_click(body, self._desk.door.enter(body))
        ack()
        self._desk.hands.give(self._send_output, body, click)

    def on_deny_submitted(self, ack: Ack, body: Body) -> None:
        """Take a denial in, with its reason."""
        values = body["view"]["state"]["values"]
        comment = (values.get(ids.COMMENT_BLOCK, {}).get(ids.FIELD, {}).get("value") or "").strip()
        self._submitted(ack, body, DeliveryKind.DENY, {"comment": comment})

    def on_change_submitted(self, ack: Ack, body: Body) -> None:
        """Check what an approver has changed, and take it in with the approval."""
        view = body["view"]
        values = view["state"]["values"]
        ttl = (values.get(ids.TTL_BLOCK, {}).get(ids.FIELD, {}).get("value") or "").strip()
        said = {"ttl": ttl, "at": read_instant(values)}
        request = ids.read_stamp(str(view["private_metadata"])).request
        try:
            self._desk.service.changing.check(request, said)
        except InvalidInput as fault:
            ack(response_action="errors", errors=placed(fault.fields, view))
            return
        self._submitted(ack, body, DeliveryKind.APPROVE_CHANGED, said)

    def on_review_submitted(self, ack: Ack, body: Body) -> None:
        """Take an approval in that was given having seen everything."""
        self._submitted(ack, body, DeliveryKind.APPROVE, {})

    def on_review_after(self, ack: Ack, body: Body) -> None:
        """Show what was done behind broken glass, with a review of it below."""
        self._look(ack, body, review_after_form)

    def on_reviewed_after(self, ack: Ack, body: Body) -> None:
        """Take the review of a break-glass in."""
        values = body["view"]["state"]["values"]
        comment = (values.get(ids.COMMENT_BLOCK, {}).get(ids.FIELD, {}).get("value") or "").strip()
        chosen = values.get(ids.VERDICT_BLOCK, {}).get(ids.FIELD, {}).get("selected_option") or {}
        accepted = chosen.get("value") == ACCEPT
        if not accepted and not comment:
            raise InvalidInput("Say what was wrong with it.")
        self._submitted(ack, body, DeliveryKind.REVIEW_AFTER, {"accepted": accepted, "comment": comment})

    def show(self, body: Body, caller: Caller, request: RequestId, view: Shown) -> None:
        """Open a modal about a request: first an empty one, since looking things up may take longer than a trigger."""
        opened = self._open(body, caller, small.waiting(f"JIT-{request}"))
        if opened is None:
            return
        try:
            found, reviews = self._desk.service.queries.status(caller.user, request)
            shown = view(found, reviews, self._desk.directory.names(on_card(found, reviews)))
        except UserFault as fault:
            shown = small.saying(f"JIT-{request}", str(fault))
        except JitbotError:
            shown = small.saying(f"JIT-{request}", "This cannot be looked up just now. Try again in a minute.")
        self._desk.replies.update(str(opened["id"]), shown)

    def _show_instead(self, body: Body, click: Click, copy: Copy) -> None:
        """Show what the record says, with Approve below, to whoever was shown something else, and mend the card."""
        self.show(body, click.caller, click.request, review_form)
        self._work(click, copy, body)

    def _send_output(self, body: Body, click: Click) -> None:
        try:
            self._desk.service.handing_out.ask(click.caller.user, click.request)
            said = f"The output of JIT-{click.request} comes to you as a file, in a direct message."
        except UserFault as fault:
            said = str(fault)
        except JitbotError:
            said = "This cannot be looked up just now. Try again in a minute."
        self._desk.replies.to_person(body, click.caller.user, said)

    def _look(self, ack: Ack, body: Body, view: Shown) -> None:
        click = read_click(body, self._desk.door.enter(body))
        ack()
        self._desk.hands.give(self.show, body, click.caller, click.request, view)

    def _open(self, body: Body, caller: Caller, view: Block) -> Block | None:
        opened = self._desk.replies.open(str(body["trigger_id"]), view)
        if opened is None:
            self._desk.replies.to_person(body, caller.user, "Slack was too slow to open this. Press again.")
        return opened

    def _submitted(self, ack: Ack, body: Body, kind: DeliveryKind, said: Mapping[str, Any]) -> None:
        caller = self._desk.door.enter(body)
        stamp = ids.read_stamp(str(body["view"]["private_metadata"]))
        key = f"view:{body['view']['id']}"
        self._desk.take_in(key, kind, caller, {"revision": stamp.revision, "seen": stamp.seen, **said}, stamp.request)
        ack()
        self._desk.hands.give(self._work_submitted, key, caller)

    def _work_submitted(self, key: str, caller: Caller) -> None:
        answer = self._desk.work(key)
        if answer is not None and answer.text:
            self._desk.replies.by_message(caller.user, answer.text)

    def _work(self, click: Click, copy: Copy, body: Body) -> None:
        answer = self._desk.work(click.key)
        if answer is None:
            return
        if answer.text:
            self._desk.replies.to_person(body, click.caller.user, answer.text)
        url = str(body.get("response_url") or "")
        if url:
            self._redraw(click, copy, url, refused=answer.refused)

    def _redraw(self, click: Click, copy: Copy, url: str, *, refused: bool) -> None:
        """Redraw the clicked copy at once; a card that was refused on may be an old drawing of the newest state."""
        try:
            self._desk.cards.redraw_clicked(
                click.request, copy, lambda drawing: self._desk.replies.redraw(url, drawing), anyway=refused
            )
        except (NotifyError, UserFault):
            return  # the outbox redraws it


def sorry_for_click(desk: Desk) -> Callable[[Ack, Body, str], None]:
    """Return how somebody who pressed a button is told that it did not count."""

    def sorry(ack: Ack, body: Body, text: str) -> None:
        ack()
        desk.hands.apologise(desk.replies.to_person, body, caller_of(body).user, text)

    return sorry


def sorry_for_modal(ack: Ack, body: Body, text: str) -> None:
    """Tell in the modal itself what is wrong; what was typed stays."""
    block_id = next((block["block_id"] for block in body["view"]["blocks"] if block["type"] == "input"), "")
    if block_id:
        ack(response_action="errors", errors={block_id: text})
    else:
        ack(response_action="update", view=small.saying("Not taken in", text))


def _again(request: Request) -> Typed:
    seconds = f"{int(request.ttl.total_seconds())}s" if request.ttl else ""
    return Typed(request.action, dict(request.params), request.reason, seconds)
