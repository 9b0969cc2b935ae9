"""The outbox, carried to Slack: what is due is claimed, said, and forgotten; what fails is kept for later.

One process at a time does it, so that all of it is within one account of Slack's limits, and lines come in order.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from jitbot.errors import Conflict, JitbotError, NotFound, NotifyError, NotifyRefused, StoreUnavailable
from jitbot.explain import named
from jitbot.model import Outgoing, Request, RequestId, State, Topic
from jitbot.ports import Outbox
from jitbot.service.results import until_written
from jitbot.service.turns import Turn
from jitbot.slack.cards import Cards, Requests
from jitbot.slack.channels import Channels
from jitbot.slack.directory import SlackDirectory
from jitbot.slack.output import OutputPosts
from jitbot.slack.sending import Refused, Sender, Slow
from jitbot.slack.views import halts, notices
from jitbot.slack.views.extend import ending_soon
from jitbot.slack.views.people import mentioned, on_card

log = logging.getLogger(__name__)

CLAIMED = 20
LEASE = timedelta(minutes=2)
LONGEST_WAIT = timedelta(minutes=5)
NO_CARD_YET = timedelta(seconds=1)
IDLE_SECONDS = 1.0
BROKEN_SECONDS = 5.0
STOP_SECONDS = 15.0
"""How long stopping waits for the message that is being said."""


@dataclass(frozen=True, slots=True)
class Boards:
    """The channels for what is about no request, each an id or #name; empty where nobody wants to be told."""

    alarms: str = ""
    news: str = ""


class Notifier:
    """Says what waits in the outbox. `deliver_due` is one round of it; `start` keeps going in a thread."""

    def __init__(  # noqa: PLR0913 - it says everything that is said
        self,
        *,
        requests: Requests,
        outbox: Outbox,
        cards: Cards,
        output: OutputPosts,
        sender: Sender,
        channels: Channels,
        directory: SlackDirectory,
        boards: Boards,
        turn: Turn,
        ending: threading.Event | None = None,
    ) -> None:
        """`ending` is set by `stop`; whoever has to end with this may look at it too."""
        self._requests = requests
        self._outbox = outbox
        self._cards = cards
        self._sender = sender
        self._channels = channels
        self._directory = directory
        self._boards = boards
        self._turn = turn
        self._awake = threading.Event()
        self._ending = ending or threading.Event()
        self._thread: threading.Thread | None = None
        self._say: Mapping[Topic, Callable[[Sequence[Outgoing]], None]] = {
            Topic.CARD: self._card,
            Topic.THREAD: self._lines,
            Topic.CALL: self._call,
            Topic.SUMMARY: self._summary,
            Topic.NOTICE: self._notice,
            Topic.ENDING: self._ending_soon,
            Topic.ALARM: self._alarm,
            Topic.RESULT: output.result,
            Topic.OUTPUT: output.output,
            Topic.NEWS: self._announcement,
            Topic.HALT: self._halt,
            Topic.REDRAW: self._redraw,
        }

    def start(self) -> None:
        """Begin to deliver in a thread of our own."""
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._awake.set()

    def stop(self) -> None:
        """Finish what is being said, and end."""
        self._ending.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join(timeout=STOP_SECONDS)

    def says(self) -> bool:
        """Tell whether this process is the one that says things."""
        return self._turn.held()

    def deliver_due(self) -> int:
        """Say what is due and return how many messages were looked at. Raises: StoreUnavailable."""
        if not self._turn.held():
            return 0
        if self._turn.begin():
            self._outbox.take_over()
        claimed = self._outbox.claim(CLAIMED, LEASE)
        for together in _together(claimed):
            if self._ending.is_set():  # the others are said by whoever comes after us, when their lease is over
                break
            self._deliver(together)
        return len(claimed)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                busy = self.deliver_due()
            except StoreUnavailable as error:
                log.warning("the outbox cannot be read: %s", error)
                self._ending.wait(BROKEN_SECONDS)
                continue
            except Exception:
                log.exception("the notifier stumbled")
                self._ending.wait(BROKEN_SECONDS)
                continue
            if not busy:
                self._awake.wait(IDLE_SECONDS)
                self._awake.clear()

    def _deliver(self, together: Sequence[Outgoing]) -> None:
        """Say rows that belong together, and note for each what became of it."""
        try:
            self._turn.assure()
            self._say[together[0].topic](together)
        except Conflict as conflict:  # nothing of it is ours any more, not even to say that it failed
            log.info("%s is left alone: %s", together[0].key, conflict)
        except Exception as error:  # noqa: BLE001 - the outer edge: one message that fails must not hold up the others
            self._failed(together, error)
        else:
            for row in together:  # what has been said once must not be said again
                until_written(partial(self._outbox.done, row), f"that {row.key} was said", self._ending)

    def _failed(self, together: Sequence[Outgoing], error: Exception) -> None:
        if isinstance(error, NotifyRefused | NotFound):
            for row in together:
                self._outbox.park(row, str(error))
            return
        delay = error.retry_after if isinstance(error, NotifyError) else None
        if not isinstance(error, Slow):
            known = isinstance(error, JitbotError)
            log.warning("%s is tried again: %s", together[0].key, error, exc_info=None if known else error)
        for row in together:
            self._outbox.retry(row, _back_off(row) if delay is None else delay, str(error) or type(error).__name__)

    def _card(self, rows: Sequence[Outgoing]) -> None:
        self._cards.deliver(_request_of(rows))

    def _redraw(self, rows: Sequence[Outgoing]) -> None:
        self._cards.deliver(_request_of(rows), lazily=True)

    def _halt(self, rows: Sequence[Outgoing]) -> None:
        """Show the operators a halt as it stands now; of one that was lifted meanwhile they are told besides."""
        halt = next((each for each in self._requests.halts().standing if str(each.id) == rows[0].text), None)
        if halt is None:
            return
        people = mentioned(halts.people_in(halt))
        drawing = halts.card(halt, self._directory.names(people))
        if not self._boards.alarms:
            log.error("HALT: %s", drawing.text)
            raise Refused("no_alarm_channel")
        self._sender.post(self._channels.id_of(self._boards.alarms), drawing)

    def _lines(self, rows: Sequence[Outgoing]) -> None:
        request, _ = self._requests.card(_request_of(rows))
        copy = self._cards.shared_copy(request)
        if copy is None:
            raise Slow(f"{request.name} has no card yet", NO_CARD_YET)
        drawing = notices.thread([row.text for row in rows if row.text])
        self._sender.post(copy.channel, drawing, thread_ts=copy.ts)

    def _call(self, rows: Sequence[Outgoing]) -> None:
        """Ping people under the card; what has been decided meanwhile needs nobody any more."""
        request, _ = self._requests.card(_request_of(rows))
        if request.state is not State.PENDING:
            return
        copy = self._cards.shared_copy(request)
        if copy is None:
            raise Slow(f"{request.name} has no card yet", NO_CARD_YET)
        names = self._directory.names(mentioned(rows[0].text))
        self._sender.post(copy.channel, notices.call(rows[0].text, names), thread_ts=copy.ts)

    def _summary(self, rows: Sequence[Outgoing]) -> None:
        request, reviews = self._requests.card(_request_of(rows))
        copy = self._cards.shared_copy(request)
        if copy is None or copy.place == request.requester:
            return
        names = self._directory.names(on_card(request, reviews))
        self._sender.post(copy.channel, notices.summary(request, reviews, names))

    def _notice(self, rows: Sequence[Outgoing]) -> None:
        text = named(rows[0].text, self._directory.display_name)
        self._sender.post(rows[0].to, notices.notice(text, self._about(rows[0])))

    def _ending_soon(self, rows: Sequence[Outgoing]) -> None:
        """Remind whoever holds a grant of its end; what has ended by now needs nobody to be reminded."""
        request, _ = self._requests.card(_request_of(rows))
        if request.state is State.ACTIVE:
            self._sender.post(rows[0].to, ending_soon(request))

    def _alarm(self, rows: Sequence[Outgoing]) -> None:
        place = rows[0].to or self._boards.alarms
        if not place:
            log.error("ALARM: %s", rows[0].text)
            raise Refused("no_alarm_channel")
        text = named(rows[0].text, self._directory.display_name)
        try:
            self._sender.post(self._channels.id_of(place), notices.alarm(text, self._about(rows[0])))
        except Refused as refusal:
            if self._boards.alarms in ("", place):
                raise
            log.warning("%s could not be told: %s", place, refusal.code)
            text = f"{place} could not be told ({refusal.code}). {text}"
            self._sender.post(self._channels.id_of(self._boards.alarms), notices.alarm(text, self._about(rows[0])))

    def _announcement(self, rows: Sequence[Outgoing]) -> None:
        if not self._boards.news:  # nobody asked to be told; the record has it
            log.info("%s", rows[0].text)
            return
        names = self._directory.names(mentioned(rows[0].text))
        self._sender.post(self._channels.id_of(self._boards.news), notices.announcement(rows[0].text, names))

    def _about(self, row: Outgoing) -> Request | None:
        return None if row.request is None else self._requests.card(row.request)[0]


def _together(rows: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Return rows one by one, but the waiting lines of one thread at once."""
    said: set[RequestId | None] = set()
    for row in rows:
        if row.topic is not Topic.THREAD:
            yield [row]
        elif row.request not in said:
            said.add(row.request)
            yield [each for each in rows if each.topic is Topic.THREAD and each.request == row.request]


def _request_of(rows: Sequence[Outgoing]) -> RequestId:
    request = rows[0].request
    if request is None:
        raise NotFound("a message about no request")
    return request


def _back_off(row: Outgoing) -> timedelta:
    return min(timedelta(seconds=2 ** min(row.attempts, 10)), LONGEST_WAIT)
