"""A town with one of every kind of person, and all of Slack's doors to it in this process: nothing is sent anywhere."""

import copy
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sqlalchemy import func, select

from jitbot.model import Copy, DeliveryKind, Person, Request, RequestId, Standing, UserId
from jitbot.slack.desk import Desk
from jitbot.slack.directory import Installed
from jitbot.slack.door import Door
from jitbot.slack.listeners import register
from jitbot.slack.views import ids
from jitbot.store import tables
from jitbot.store.engine import Database
from tests.town import TEAM, Town

Json = dict[str, Any]
CANARY = "only for those whom it concerns"
CARD = "1.0"
"""Where the cards of all requests stand, as far as the listeners are told."""

ANN, FAY, BO, CY, HU, SAM, LEA, OPS, LIZ, MO, ROBOT = (
    UserId(f"U0{name}") for name in ("ANN", "FAY", "BO", "CY", "HU", "SAM", "LEA", "OPS", "LIZ", "MO", "ROBOT")
)
OUTSIDERS = {
    UserId("U0GUEST"): Standing.GUEST,
    UserId("U0OTHER"): Standing.STRANGER,
    UserId("U0BOT"): Standing.BOT,
    UserId("U0GONE"): Standing.DEACTIVATED,
}
"""They are in every group, so that nothing but what they are keeps them out."""

_ALL = ", ".join(OUTSIDERS)
PEOPLE = f"""
groups:
  engineering: [{ANN}, {BO}, {CY}, {FAY}, {HU}, {ROBOT}, {_ALL}]
  oncall: [{BO}, {CY}, {HU}, {ROBOT}, {_ALL}]
  leads: [{LEA}, {ROBOT}, {_ALL}]
  operators: [{OPS}, {ROBOT}, {_ALL}]
  lifters: [{LIZ}, {HU}, {ROBOT}, {_ALL}]
accounts:
  {ROBOT}: {{kind: service, behind: ['user:{LEA}']}}
"""
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  access:
    title: Access to the ledger
    runner: fake
    with: {what: "{what}", where: prod}
    parameters: {what: {type: choice, options: [one, two, three]}, who: {type: user}}
    beneficiary: who
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    start_later: {max: 7d}
    rules: [{name: one on call, review: [{from: [group:oncall], count: 1}]}]
  other:
    runner: fake
    with: {what: other, where: prod}
    requesters: [group:engineering]
    rules: [{name: a lead, review: [{from: [group:leads], count: 1}]}]
"""
GUARDRAILS = """
guardrails: []
may_end: [group:operators]
may_halt: [group:operators]
may_lift: [group:lifters]
break_glass: [{applies_to: [access], who: [group:engineering], max: 1h, review_within: 24h, tell: ["#security"]}]
"""


def everybody(url: str, folder: Path) -> Town:
    """Open a town in which Sam stands in for Bo, and Hu is halted."""
    town = Town(url, folder, files={"payments.yml": POLICY, "people.yml": PEOPLE, "guardrails.yml": GUARDRAILS})
    assert not town.book.fault, town.book.fault
    members = (ANN, FAY, BO, CY, HU, SAM, LEA, OPS, LIZ, MO, ROBOT)
    town.directory.people = {user: Person(user, TEAM, user[2:].title()) for user in members}
    town.directory.people |= {user: Person(user, TEAM, user[2:], standing) for user, standing in OUTSIDERS.items()}
    town.do(DeliveryKind.DELEGATE, BO, to=SAM, text="for 3d")
    town.do(DeliveryKind.HALT, OPS, about="person", of=HU, why="her laptop is gone")
    return town


def copied(town: Town, folder: Path) -> Town:
    """Open a copy of a town that was closed."""
    shutil.copytree(town.folder, folder)
    other = copy.copy(town)
    other.folder, other.url = folder, f"sqlite:///{folder}/jitbot.db"
    other.database = Database(other.url)
    other.database.offset = town.database.offset
    other._build()
    return other


class Faces:
    """Stands for Slack's directory at the desk. It knows nobody yet, as after a start: who comes is looked up later."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def known(self, user: UserId) -> Person | None:
        return None

    def names(self, users: Iterable[UserId]) -> Mapping[UserId, str]:
        return {}

    def display_name(self, user: UserId) -> str:
        return user

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *anything: None


@dataclass
class Told:
    """Stands for replies: keeps what was said and shown."""

    heard: list[Any] = field(default_factory=list)

    def to_person(self, body: Any, user: UserId, said: Any) -> None:
        self.heard.append(said if isinstance(said, str) else said.blocks)

    def by_message(self, user: UserId, said: Any) -> None:
        self.to_person({}, user, said)

    def open(self, trigger: str, view: Json) -> Json:
        self.heard.append(view)
        return {"id": "V1", **view}

    def update(self, view_id: str, view: Json, seen: str | None = None) -> Json:
        return self.open("", view)

    def redraw(self, url: str, drawing: Any) -> None: ...

    def text(self) -> str:
        return json.dumps(self.heard, ensure_ascii=False)


class OneCard:
    """Stands for cards: each stands where `CARD` says."""

    def adopt(self, request: RequestId, user: UserId, channel: str, ts: str) -> Copy | None:
        return Copy(request, channel, channel, ts) if ts == CARD else None

    def __getattr__(self, name: str) -> Callable[..., bool]:
        return lambda *anything, **more: True


class AtOnce:
    """Stands for hands that work in the background."""

    def give(self, job: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        job(*args, **kwargs)

    apologise = give


class Doors:
    """Everything that jitbot listens to, by what registers it."""

    def __init__(self, town: Town) -> None:
        self.town, self.told = town, Told()
        self.commands: dict[str, Any] = {}
        self.actions: dict[str, Any] = {}
        self.views: dict[str, Any] = {}
        self.searches: dict[str, Any] = {}
        self._n = 0
        faces = cast(Any, Faces(town))
        desk = Desk(
            service=town.service,
            cards=cast(Any, OneCard()),
            directory=faces,
            door=Door(Installed(TEAM, "U0JITBOT"), faces),
            replies=cast(Any, self.told),
            hands=cast(Any, AtOnce()),
        )
        register(cast(Any, self), desk, cast(Any, faces))

    def command(self, name: str) -> Callable[[Any], None]:
        return lambda listener: self.commands.__setitem__(name, listener)

    def action(self, name: str) -> Callable[[Any], None]:
        return lambda listener: self.actions.__setitem__(name, listener)

    def view(self, name: str) -> Callable[[Any], None]:
        return lambda listener: self.views.__setitem__(name, listener)

    def options(self, name: str) -> Callable[[Any], None]:
        return lambda listener: self.searches.__setitem__(name, listener)

    def event(self, name: str) -> Callable[[Any], None]:
        return lambda listener: None

    def type(self, user: UserId, text: str) -> None:
        """Type `/jit …`."""
        self.commands[ids.COMMAND](self._ack, self._from(user) | {"text": text})

    def press(self, user: UserId, action_id: str, value: str, *, ts: str = CARD, view: Json | None = None) -> None:
        """Press a button, or choose something in a form."""
        pressed = {"action_id": action_id, "value": value, "action_ts": str(self._n * 10)}
        where = {"container": {"channel_id": "C0PAY", "message_ts": ts}}
        self.actions[action_id](
            self._ack, self._from(user) | where | {"actions": [pressed], "view": view or {"id": "V1"}}
        )

    def submit(self, user: UserId, callback_id: str, carried: str, **values: Any) -> None:
        """Submit a form."""
        filled = {block: {ids.FIELD: value} for block, value in values.items()}
        blocks = [{"type": "input", "block_id": block} for block in (*values, ids.COMMENT_BLOCK)]
        body = self._from(user)
        view = {"id": f"V{self._n}", "private_metadata": carried, "blocks": blocks, "state": {"values": filled}}
        self.views[callback_id](self._ack, body | {"view": view})

    def _from(self, user: UserId) -> Json:
        self._n += 1
        return {
            "user": {"id": user, "team_id": TEAM},
            "user_id": user,
            "team_id": TEAM,
            "channel_id": "C0PAY",
            "trigger_id": f"{self._n}.1",
        }

    def _ack(self, *said: Any, **more: Any) -> None:
        self.told.heard += [*said, more]


def got(town: Town) -> int:
    """Count what came of all that was done: what is on record, but for refusals, and what people are sent as a file."""
    events, requests, outbox = tables.events.c, tables.requests.c, tables.outbox.c
    at_once = select(requests.id).where(requests.state == "denied", requests.lapses_at.is_(None))
    counted = events.request.is_(None) | events.request.not_in(at_once)
    with town.database.read() as connection:
        on_record = connection.scalar(select(func.count()).where(events.kind != "refused", counted))
        sent = connection.scalar(select(func.count()).where(outbox.topic == "output"))
        return int(on_record or 0) + int(sent or 0)


def asked(town: Town, user: UserId, what: str, **more: Any) -> Request:
    """Have somebody ask, and break the glass where that is said."""
    params = {"what": what, "who": FAY if user == ANN else user}
    body = {"action": "access", "params": params, "reason": CANARY, "ttl": "30m"} | more
    answer = town.do(DeliveryKind.ASK, user, **body)
    assert answer.request is not None, answer.text
    return town.ledger.get(answer.request)
