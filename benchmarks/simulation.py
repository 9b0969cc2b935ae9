"""One day in one workspace, simulated: people ask and answer, runs end, and cards are drawn as fast as Slack allows.

Slack's limits are kept by jitbot's own account of them (`jitbot.slack.pace`), on simulated time. The same seed gives
the same day.
"""

import heapq
import itertools
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jitbot.slack.pace import POST, UPDATE, Pace

DAY = 24 * 60
HOURS = (1, 1, 1, 1, 1, 2, 3, 5, 8, 11, 12, 10, 8, 10, 12, 11, 9, 6, 4, 3, 2, 2, 1, 1)
"""How requests spread over the hours of a day, as parts of their sum: two humps of one long working day."""
ONCE = 0.6
"""So many requests are allowed at once; all others wait for a person."""
ANSWER_SECONDS, ANSWER_SPREAD = 240.0, 1.2
"""After how long people answer: the median, and the spread of its logarithm; an hour and more is not rare."""
RUN_SECONDS = 30.0
"""How long a run takes on average."""
FORMS = 0.5
"""So many are asked for by the form, whose modal is opened and filled; the others by one line."""


@dataclass(frozen=True, slots=True)
class Town:
    """What the company is like; all are assumptions, with their reasons in docs/why/scale.md."""

    engineers: int = 100_000
    a_day: float = 0.1
    """Requests of one engineer in a day."""
    team: int = 8
    """Engineers who share a channel."""
    incidents: int = 20
    """Bursts in a day, each in one channel: so many requests within so many minutes."""
    burst: int = 30
    burst_minutes: float = 10.0
    workspaces: int = 1
    """Over how many workspaces the channels are spread evenly; each has limits of its own."""
    seed: int = 1


@dataclass(slots=True)
class Card:
    """A request with its card in a channel and one in the requester's direct messages."""

    number: int
    channel: str
    asked_at: float
    standing: int = 0
    """So many of its two copies are posted."""
    changed_at: float = 0.0
    last: bool = False
    """Whether it will not change any more; until then, that it runs is only progress."""
    running: bool = False
    stale: int = 0
    """So many copies differ from what is so."""
    queued: bool = False
    waits_as_progress: bool = False


@dataclass(slots=True)
class Day:
    """What came of one day in one workspace; seconds and counts by minute."""

    posted: list[float] = field(default_factory=list)
    """From a request to its card in the channel."""
    drawn: list[float] = field(default_factory=list)
    """From the end of a request to the last of its copies that shows it."""
    minutes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    running: int = 0
    most_running: int = 0
    longest: int = 0
    """The most cards that waited to be redrawn at once."""

    def note(self, what: str, at: float, count: int = 1) -> None:
        """Count something in its minute."""
        self.minutes[what][int(at // 60)] += count


class Simulation:
    """One workspace on one day. Events are kept in a heap by their time, in seconds since midnight."""

    def __init__(self, town: Town) -> None:
        self.day = Day()
        self._town = town
        self._random = random.Random(town.seed)
        self._now = 0.0
        self._pace = Pace(lambda: self._now)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._redraws: deque[Card] = deque()
        self._progress: deque[Card] = deque()
        self._posts: dict[str, deque[Card]] = defaultdict(deque)
        self._drawing = False

    def run(self) -> Day:
        """Live through the day, and on until everything is drawn."""
        for number, (at, channel) in enumerate(self._asked()):
            self._at(at, self._ask, Card(number, channel, at))
        while self._heap:
            self._now, _, do = heapq.heappop(self._heap)
            do()
        return self.day

    def _asked(self) -> Iterator[tuple[float, str]]:
        """Yield when and in which channel people ask: through the day, and in bursts."""
        town, rnd = self._town, self._random
        channels = max(1, town.engineers // town.team // town.workspaces)
        for _ in range(round(town.engineers * town.a_day / town.workspaces)):
            hour = rnd.choices(range(24), HOURS)[0]
            yield (hour + rnd.random()) * 3600, f"C{rnd.randrange(channels)}"
        for _ in range(round(town.incidents / town.workspaces)):
            begins, channel = rnd.uniform(0, (DAY - town.burst_minutes) * 60), f"C{rnd.randrange(channels)}"
            for _ in range(town.burst):
                yield begins + rnd.random() * town.burst_minutes * 60, channel

    def _at(self, at: float, do: Callable[..., None], *given: object) -> None:
        heapq.heappush(self._heap, (at, next(self._order), lambda: do(*given)))

    def _ask(self, card: Card) -> None:
        self.day.note("asked", self._now)
        self.day.note("acks", self._now)
        if self._random.random() < FORMS:
            self.day.note("views.open", self._now)
            self.day.note("acks", self._now)
        self._say(card, card.channel, f"D{card.number}")
        if self._random.random() < ONCE:
            self._start(card)
        else:
            wait = ANSWER_SECONDS * self._random.lognormvariate(0, ANSWER_SPREAD)
            self._at(self._now + wait, self._approve, card)

    def _approve(self, card: Card) -> None:
        self.day.note("acks", self._now)
        self.day.note("response_url", self._now)  # the clicked copy is redrawn by it, which no limit holds up
        self._change(card, copies=1)
        self._start(card)

    def _start(self, card: Card) -> None:
        card.running = True
        self._change(card, copies=2)
        self.day.running += 1
        self.day.most_running = max(self.day.most_running, self.day.running)
        self._at(self._now + self._random.expovariate(1 / RUN_SECONDS), self._end, card)

    def _end(self, card: Card) -> None:
        self.day.running -= 1
        card.last = True
        self._change(card, copies=2)
        self._say(card, card.channel, card.channel, f"D{card.number}")  # what the run said, the summary, the notice

    def _change(self, card: Card, copies: int) -> None:
        """Have copies redrawn; one that waits already is drawn once, as it is by then."""
        self.day.note("chat.update", self._now, copies)
        card.changed_at, card.stale = self._now, max(card.stale, copies)
        if card.standing == 2:
            self._queue(card)

    def _queue(self, card: Card) -> None:
        progress = card.running and not card.last
        if card.stale and (not card.queued or (card.waits_as_progress and card.last)):
            card.queued, card.waits_as_progress = True, progress
            (self._progress if progress else self._redraws).append(card)
            self.day.longest = max(self.day.longest, len(self._redraws))
        self._draw()

    def _say(self, card: Card, *places: str) -> None:
        for place in places:
            self._posts[place].append(card)
            self._post(place)

    def _post(self, place: str) -> None:
        waiting = self._posts[place]
        wait = self._pace.take(POST, place).total_seconds()
        if wait:
            self._at(self._now + wait, self._post, place)
            return
        card = waiting.popleft()
        self.day.note("chat.postMessage", self._now)
        self.day.note(f"post {place}", self._now)
        if card.standing == 2:
            return
        card.standing += 1
        if place == card.channel:
            self.day.posted.append(self._now - card.asked_at)
        if card.standing == 2:
            self._queue(card)

    def _draw(self, *, woken: bool = False) -> None:
        """Redraw what waits, the longest waiting first, until Slack takes no more; progress comes behind all else."""
        if self._drawing and not woken:
            return
        self._drawing = False
        waits = [self._draw_all(self._redraws, progress=False), self._draw_all(self._progress, progress=True)]
        wait = min((each for each in waits if each), default=0.0)
        if wait:
            self._drawing = True
            self._at(self._now + wait, lambda: self._draw(woken=True))

    def _draw_all(self, waiting: deque[Card], *, progress: bool) -> float:
        """Redraw until nothing is left, and return zero; or the seconds until Slack takes more."""
        while waiting:
            card = waiting[0]
            if progress and card.last:  # it has ended while it waited, and waits among the others now
                waiting.popleft()
                continue
            wait = self._pace.take(UPDATE, progress=progress).total_seconds()
            if wait:
                return wait
            card.stale -= 1
            if not card.stale:
                waiting.popleft()
                card.queued = False
                if card.last:
                    self.day.drawn.append(self._now - card.changed_at)
        return 0.0
