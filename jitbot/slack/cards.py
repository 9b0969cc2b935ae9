"""The copies of a request's card: posted once, redrawn with every move, and never an older drawing over a newer one.

Before a post its intention is written down, so that a message whose post had an unknown outcome can be adopted when
somebody clicks on it. A place that Slack refuses for good is left for the fallback channel, and the requester is told.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from jitbot.errors import NotifyError, NotifyUnsure
from jitbot.model import Copy, Halts, Request, RequestId, Review, State, UserId
from jitbot.ports import Outbox
from jitbot.service.results import until_written
from jitbot.slack.channels import Channels
from jitbot.slack.directory import SlackDirectory
from jitbot.slack.seals import Seals
from jitbot.slack.sending import GONE, Refused, Sender
from jitbot.slack.spans import Drawing
from jitbot.slack.views import notices
from jitbot.slack.views.card import CardFor, draw_card
from jitbot.slack.views.people import on_card

log = logging.getLogger(__name__)

UNSURE_AGAIN = timedelta(seconds=3)
"""When a post with an unknown outcome is tried again: time for a click to tell us where it stands."""
TURNS = 64
SEAL = "card"
"""For which purpose a key has to sign, for cards to be sealed with what comes of it."""
LOST = "?"
"""Ends the place of a copy whose post had an unknown outcome and was posted again: a click may still find it."""
_PROGRESS = frozenset({State.RUNNING, State.VERIFYING})
_WHY = {
    "is_archived": "it is archived",
    "not_in_channel": "I am not in it; invite me there",
    "channel_not_found": "it does not exist, or it is private and I am not in it",
}


class Requests(Protocol):
    """Where a request is read for drawing (`service.queries`)."""

    def card(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Return what a card shows. Raises: NotFound."""

    def halts(self) -> Halts:
        """Return which halts stand."""

    def has_output(self, request: Request, *, own: bool) -> bool:
        """Tell whether there is more output than a thread shows well; or results, on the requester's own copy."""


class Cards:
    """Draws the copies of cards."""

    def __init__(  # noqa: PLR0913 - what a card is drawn with, and where
        self,
        *,
        requests: Requests,
        outbox: Outbox,
        sender: Sender,
        channels: Channels,
        directory: SlackDirectory,
        secret: Callable[[], bytes],
        fallback: str = "",
        ending: threading.Event | None = None,
    ) -> None:
        """`secret` returns what cards are sealed with; `ending` is set when the process ends."""
        self._requests = requests
        self._outbox = outbox
        self._sender = sender
        self._channels = channels
        self._directory = directory
        self._seals = Seals(secret)
        self._fallback = fallback
        self._ending = ending or threading.Event()
        self._turns = tuple(threading.Lock() for _ in range(TURNS))

    def deliver(self, request_id: RequestId, *, lazily: bool = False) -> None:
        """Bring every copy up to date, `lazily` with what room is left over. Raises: NotifyError, after all of them."""
        with self._turn(request_id):
            request, reviews = self._requests.card(request_id)
            faults = []
            for place in self._places(request):
                try:
                    self._bring_up(request, reviews, place, lazily=lazily)
                except NotifyError as error:
                    faults.append(error)
            if faults:
                raise max(faults, key=lambda error: not isinstance(error, Refused))

    def redraw_clicked(
        self, request_id: RequestId, copy: Copy, put: Callable[[Drawing], None], *, anyway: bool = False
    ) -> None:
        """Redraw the copy that was clicked, by its `response_url`: no rate limit, and at once.

        `anyway` draws it even where the newest version is thought to stand there already.
        """
        with self._turn(request_id):
            request, reviews = self._requests.card(request_id)
            now = next((each for each in self._outbox.copies(request_id) if each.ts == copy.ts), copy)
            if now.version < request.version or anyway:
                put(self._drawn(request, reviews, now.place))
                self._outbox.keep(replace(now, version=request.version, unsure=False))

    def adopt(self, request_id: RequestId, user: UserId, channel: str, ts: str) -> Copy | None:
        """Return the copy that stands at this message; a lost one is taken on, any other message is none of ours."""
        copies = self._outbox.copies(request_id)
        known = next((copy for copy in copies if copy.channel == channel and copy.ts == ts), None)
        if known is not None:
            return known
        lost = next(
            (copy for copy in copies if copy.ts is None and copy.unsure and _could_be(copy, user, channel)), None
        )
        if lost is None:
            return None
        found = replace(lost, channel=channel, ts=ts, unsure=False)
        self._outbox.keep(found)
        log.info("adopted a copy of JIT-%s whose post had an unknown outcome", request_id)
        return found

    def as_drawn(self, body: Mapping[str, Any]) -> bool:
        """Tell whether the message that was clicked shows what was drawn, as far as its button carries a seal."""
        return self._seals.holds(body)

    def shared_copy(self, request: Request) -> Copy | None:
        """Return the copy in a channel, under which threads hang; the requester's where there can be no other."""
        copies = [copy for copy in self._outbox.copies(request.id) if copy.ts is not None]
        shared = next((copy for copy in copies if _home(copy) != request.requester), None)
        if shared is not None or (_was_shown(request) and not self._left(request)):
            return shared
        return next(iter(copies), None)

    def _left(self, request: Request) -> bool:
        return any(
            _given_up(copy) for copy in self._outbox.copies(request.id) if copy.place == request.snapshot.channel
        )

    def _places(self, request: Request) -> Sequence[str]:
        planned = [request.snapshot.channel] if _was_shown(request) and request.snapshot.channel else []
        standing = [copy.place for copy in self._outbox.copies(request.id) if copy.place != request.requester]
        people = [str(request.requester)] if request.requester[:1] in ("U", "W") else []
        return list(dict.fromkeys([*planned, *standing, *people]))

    def _bring_up(self, request: Request, reviews: Sequence[Review], place: str, *, lazily: bool = False) -> None:
        copy = next((each for each in self._outbox.copies(request.id) if each.place == place), None)
        if copy is not None and place.endswith(LOST):
            self._redraw_found(request, reviews, copy)
            return
        if copy is not None and (_given_up(copy) or (copy.ts is not None and copy.version >= request.version)):
            return
        try:
            if copy is None or copy.ts is None or not self._redraw(request, reviews, copy, lazily=lazily):
                self._post(request, reviews, place, copy)
        except Refused as refusal:
            self._give_up(request, reviews, place, refusal)

    def _redraw_found(self, request: Request, reviews: Sequence[Review], copy: Copy) -> None:
        """Redraw a copy that was lost and found; as long as nobody has found it, or when it is gone, leave it."""
        if copy.ts is None or copy.version >= request.version:
            return
        try:
            self._redraw(request, reviews, copy)
        except Refused as refusal:
            log.info("%s: a second copy is left as it is: %s", request.name, refusal.code)

    def _redraw(self, request: Request, reviews: Sequence[Review], copy: Copy, *, lazily: bool = False) -> bool:
        """Redraw a copy; False when that message is gone and a new one is needed."""
        progress = lazily or request.state in _PROGRESS
        self._sender.room_to_update(progress=progress)
        drawing = self._drawn(request, reviews, copy.place)
        try:
            self._sender.update(copy.channel, copy.ts or "", drawing, progress=progress)
        except Refused as refusal:
            if refusal.code in GONE:
                return False
            raise
        self._outbox.keep(replace(copy, version=request.version, unsure=False))
        newest = next((each for each in self._outbox.copies(request.id) if each.place == copy.place), copy)
        if newest.version > request.version:  # another process drew meanwhile, and ours may have landed on top of it
            fresh = self._drawn(*self._requests.card(request.id), copy.place)
            self._sender.update(copy.channel, copy.ts or "", fresh)
        return True

    def _post(self, request: Request, reviews: Sequence[Review], place: str, copy: Copy | None) -> None:
        private = place == request.requester
        channel = place if private else self._channels.id_of(place)
        meant = Copy(request.id, place, "" if private else channel, None, copy.version if copy else -1, unsure=True)
        if copy is not None and copy.ts is None and copy.unsure:
            self._outbox.keep(replace(copy, place=place + LOST, version=-1))
        drawing = self._drawn(request, reviews, place, ping=copy is None or (copy.ts is None and not copy.unsure))
        try:
            channel, ts = self._sender.post(channel, drawing, before=lambda: self._outbox.keep(meant))
        except NotifyUnsure as error:
            error.retry_after = UNSURE_AGAIN
            raise
        except NotifyError:
            self._outbox.keep(replace(meant, unsure=meant.version >= 0))  # not sent: neither lost nor given up
            raise
        stands = replace(meant, channel=channel, ts=ts, version=request.version, unsure=False)
        until_written(lambda: self._outbox.keep(stands), f"where a card of {request.name} stands", self._ending)

    def _drawn(self, request: Request, reviews: Sequence[Review], place: str, *, ping: bool = False) -> Drawing:
        names = self._directory.names(on_card(request, reviews))
        place = place.removesuffix(LOST)
        strayed = place not in (request.snapshot.channel, request.requester)
        note = f"This belongs into {request.snapshot.channel}, where I cannot post." if strayed else ""
        own = place == request.requester
        output = self._requests.has_output(request, own=own)
        return self._seals.put(draw_card(request, reviews, names, CardFor(own, ping, output, note)))

    def _give_up(self, request: Request, reviews: Sequence[Review], place: str, refusal: Refused) -> None:
        """Leave a place that Slack refuses for good. Raises: Refused when no other channel is left."""
        log.warning("%s cannot be shown in %s: %s", request.name, place, refusal.code)
        left = Copy(request.id, place, "", None, request.version, unsure=False)
        if place == request.requester:
            self._outbox.keep(left)
            return
        elsewhere = self._elsewhere(request, reviews, place)
        if place == request.snapshot.channel:
            self._tell_requester(request, place, refusal.code, elsewhere)
        self._outbox.keep(left)
        if not elsewhere:
            raise refusal

    def _elsewhere(self, request: Request, reviews: Sequence[Review], place: str) -> str:
        """Show the card in the fallback channel and return that; empty when it cannot be."""
        if self._fallback in ("", place):
            return ""
        try:
            self._bring_up(request, reviews, self._fallback)
        except Refused:
            return ""
        stands = any(copy.place == self._fallback and copy.ts for copy in self._outbox.copies(request.id))
        return self._fallback if stands else ""

    def _tell_requester(self, request: Request, place: str, code: str, elsewhere: str) -> None:
        why = _WHY.get(code, f"Slack says {code}")
        where = f"I asked in {elsewhere} instead." if elsewhere else "Tell whoever keeps the policy, or show them this."
        text = f"{request.name} could not be shown in {place}: {why}. {where}"
        if request.requester[:1] in ("U", "W"):
            try:
                self._sender.post(request.requester, notices.notice(text, request))
            except Refused:
                log.warning("%s: the requester could not be told either", request.name)

    @contextmanager
    def _turn(self, request_id: RequestId) -> Iterator[None]:
        """One drawing of a request at a time in this process, so that none overtakes another."""
        with self._turns[request_id % TURNS]:
            yield


def _home(copy: Copy) -> str:
    return copy.place.removesuffix(LOST)


def _given_up(copy: Copy) -> bool:
    return copy.ts is None and not copy.unsure and copy.version >= 0


def _could_be(copy: Copy, user: UserId, channel: str) -> bool:
    """Tell whether a message in this channel may be this copy, lost: the same channel, or one's own DM with us."""
    if copy.ts is not None or not copy.unsure:
        return False
    return copy.channel == channel if copy.channel else _home(copy) == user and channel.startswith("D")


def _was_shown(request: Request) -> bool:
    """Tell whether the channel is to see this: not what is still being decided, nor what policy refused at once."""
    if request.state is State.DECIDING:
        return False
    return request.state is not State.DENIED or request.lapses_at is not None or request.approved_at is not None
