"""What the bot has left behind: its ledger, its record, and the messages in the local Slack."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select

from jitbot.audit import Verifier
from jitbot.errors import Tampered
from jitbot.lifecycle import TERMINAL
from jitbot.model import Copy, Request, Review
from jitbot.sandbox.local import LocalSlack
from jitbot.slack.client import web_client
from jitbot.slack.directory import SlackDirectory, installed
from jitbot.slack.views.card import CardFor, draw_card
from jitbot.slack.views.people import on_card
from jitbot.store import tables
from jitbot.store.boxes import StoreOutbox
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.trail import StoreTrail
from tests.chaos.far_side import Effect
from tests.chaos.model import Event, Row
from tests.chaos.points import Hurry
from tests.chaos.words import false_words

Json = dict[str, Any]


class Evidence:
    """Reads, and changes nothing. Requests of earlier rounds are left out once `turn_page` was called."""

    def __init__(self, url: str, key_file: Path, slack: LocalSlack, how: Hurry) -> None:
        self._database = Database(url)
        self._keys = open_key(key_file)
        self._ledger = StoreLedger(self._database, self._keys)
        self._outbox = StoreOutbox(self._database)
        self._outputs = StoreOutputs(self._database)
        self._slack, self._how = slack, how
        self._before = 0

    def close(self) -> None:
        self._database.close()

    def turn_page(self) -> None:
        """Leave what there is by now to the past: the local Slack has forgotten it too."""
        with self._database.read() as connection:
            self._before = connection.execute(select(func.max(tables.requests.c.id))).scalar() or 0

    def rows(self) -> dict[str, list[Row]]:
        """Return the requests by the reason that they were asked with, oldest first."""
        requests = self._all(select(tables.requests).where(tables.requests.c.id > self._before))
        found: dict[str, list[Row]] = {}
        events = self._events()
        for each in requests:
            row = Row(each.id, each.state.value, tuple(events.get(each.id, ())))
            found.setdefault(each.reason, []).append(row)
        return found

    def unrest(self) -> str:
        """Say what is still to be done; nothing where all has come to an end."""
        waits = {
            "requests": select(tables.requests.c.id, tables.requests.c.state).where(
                tables.requests.c.state.not_in(TERMINAL)
            ),
            "deliveries": select(tables.inbox.c.key).where(tables.inbox.c.done_at.is_(None)),
            "messages": select(tables.outbox.c.key, tables.outbox.c.error).where(tables.outbox.c.parked_at.is_(None)),
        }
        found = {what: self._all(query) for what, query in waits.items()}
        return "; ".join(f"{what} {[tuple(each) for each in left]}" for what, left in found.items() if left)

    def broken_record(self) -> list[str]:
        """Verify the whole chain."""
        try:
            StoreTrail(self._database, Verifier(self._keys.public)).verify()
        except Tampered as error:
            return [f"the record does not hold: {error}"]
        return []

    def given_up(self) -> list[str]:
        """Return the messages that nobody will say any more."""
        return [f"the message {each.key} was given up: {error}" for each, error in self._outbox.parked()]

    def false_words(self, effects: Sequence[Effect]) -> list[str]:
        """Return what stands in the local Slack and is not so. To be asked while the bot is dead, or at rest."""
        said = [each for messages in self._messages().values() for each in messages]
        rows = {row.number: row for rows in self.rows().values() for row in rows}
        return [false for each in said for false in false_words(each["text"], rows, effects)]

    def wrong_cards(self) -> list[str]:
        """Return the cards that are not what the ledger would have drawn."""
        client = web_client(self._slack.bot_token, self._slack.api_url, 30)
        directory = SlackDirectory(client, installed(client))
        messages = self._messages()
        standing = {(channel, each["ts"]): each for channel, found in messages.items() for each in found}
        wrong = []
        for row in (row for rows in self.rows().values() for row in rows):
            request = self._ledger.get(row.number)  # type: ignore[arg-type]  # a plain number is one
            reviews = self._ledger.reviews(request)
            names = directory.names(on_card(request, reviews))
            copies = self._outbox.copies(request.id)
            if not any(copy.ts for copy in copies):
                wrong.append(f"{request.name} has no card")
            for copy in copies:
                wrong += self._differs(request, reviews, names, copy, standing)
        return wrong

    def _differs(
        self, request: Request, reviews: Sequence[Review], names: Any, copy: Copy, standing: dict[Any, Json]
    ) -> Iterator[str]:
        if copy.ts is None:
            if not copy.place.endswith("?"):
                yield f"the card of {request.name} in {copy.place} is still being posted"
            return
        found = standing.get((copy.channel, copy.ts))
        if found is None:
            yield f"the card of {request.name} in {copy.place} does not stand where the ledger has it"
            return
        own = copy.place.removesuffix("?") == request.requester
        output = any(each.long or (own and each.results) for each in self._outputs.of(request.id))
        drawn = [draw_card(request, reviews, names, CardFor(own, ping, output)) for ping in (False, True)]
        if plain(found["blocks"]) not in [plain(each.blocks) for each in drawn]:
            first = found["text"].split("\n")[0]
            meant = drawn[0].text.split("\n")[0]
            yield f"the card of {request.name} in {copy.place} says “{first}”, and the ledger “{meant}”"

    def _messages(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = self._slack.control("state")["messages"]
        return found

    def _events(self) -> dict[int, list[Event]]:
        own = tables.events.c.request > self._before
        refused = tables.events.c.request.is_(None) & (tables.events.c.kind == "refused")
        found: dict[int, list[Event]] = {}
        for each in self._all(select(tables.events).where(own | refused).order_by(tables.events.c.seq)):
            body = json.loads(each.body)
            what = body.get("review", {}).get("verdict") or body.get("what") or ""
            event = Event(self._how.real(each.at.timestamp()), each.kind, body.get("by", ""), what)
            found.setdefault(each.request or 0, []).append(event)
        return found

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        with self._database.read() as connection:
            return connection.execute(query).all()


def plain(blocks: Any) -> Any:
    """Return blocks without the ids that Slack gives them; our cards name none."""
    if isinstance(blocks, list):
        return [plain(each) for each in blocks]
    if isinstance(blocks, dict):
        return {name: plain(value) for name, value in blocks.items() if name != "block_id"}
    return blocks
