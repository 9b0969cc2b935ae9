"""Everybody at every door: who may do what with whose request, in which state, as one table.

Each cell is one person who does one thing, through the listeners that are registered with Slack, about one request.
What the table does not allow changes nothing and shows nothing. A button, a form or a word that stands in no line of
the table fails the first test.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from jitbot.model import Request, State, UserId
from jitbot.slack import forms
from jitbot.slack.oneliner import Word
from jitbot.slack.views.ids import stamp
from tests.everybody import (
    ANN,
    BO,
    CANARY,
    CY,
    FAY,
    HU,
    LEA,
    LIZ,
    MO,
    OPS,
    OUTSIDERS,
    ROBOT,
    SAM,
    Doors,
    asked,
    copied,
    everybody,
    got,
)
from tests.town import Town

STATES = ("pending", "approved", "active", "unsure", "owed", "over")
OF_ANN, OF_BO = "Ann's, for Fay", "Bo's own"

# Who somebody is to a request. Whoever asked for it or whom it is for is nothing else to it.
WORDS: Mapping[str, Mapping[UserId, str]] = {
    OF_ANN: {ANN: "asked", FAY: "for whom", BO: "approver", CY: "approver", HU: "approver", SAM: "stand-in"},
    OF_BO: {BO: "asked", CY: "approver", HU: "approver"},
}
EVERYBODY: Mapping[UserId, str] = {
    OPS: "operator",
    LIZ: "lifter",
    LEA: "approver of something else",
    MO: "member",
    SAM: "member",
    ANN: "member",
    FAY: "member",
    CY: "member",
    ROBOT: "script",
    **dict.fromkeys(OUTSIDERS, "outsider"),
}
WHO = {OF_ANN: {**EVERYBODY, **WORDS[OF_ANN]}, OF_BO: {**WORDS[OF_BO], ANN: "", SAM: "", ROBOT: "", OPS: ""}}
"""Who tries it on which of the two; the rest is to both what it is to the first."""
REVIEWS = "approver, stand-in"
CONCERNED = f"asked, for whom, {REVIEWS}, operator"
AFTERWARDS = "asked, for whom, approver, operator"
"""Once the glass was broken, nobody was asked, so nobody stands in for anybody who was."""
NOBODY = ""


@dataclass(frozen=True)
class Act:
    """One thing that can be done at a door, and to whom it does or shows anything, by the state of the request."""

    do: Callable[[Doors, UserId, Request], object]
    may: Mapping[str, str]


def press(action_id: str) -> Callable[[Doors, UserId, Request], object]:
    return lambda doors, user, request: doors.press(user, action_id, stamp(request))


def submit(callback_id: str, **values: object) -> Callable[[Doors, UserId, Request], object]:
    return lambda doors, user, request: doors.submit(user, callback_id, stamp(request), **values)


def typed(text: str) -> Callable[[Doors, UserId, Request], object]:
    return lambda doors, user, request: doors.type(user, text.format(request.name))


def always(who: str) -> Mapping[str, str]:
    return dict.fromkeys(STATES, who)


WHY = {"value": "not now"}
SEEN = {**always(CONCERNED), "owed": AFTERWARDS}
OBJECT = {"selected_option": {"value": "object"}}
ENDS = {"active": CONCERNED, "owed": AFTERWARDS}
OWN = {"active": "asked", "owed": "asked"}
WAITS = {"pending": "asked", "approved": "asked"}
ANYBODY = "*"
"""Whoever presses sees once more what the card in the channel shows, and is asked; only what they submit counts."""

ABOUT_ONE: Mapping[str, Act] = {
    "jit:approve": Act(press("jit:approve"), {"pending": REVIEWS}),
    "jit:approve_changed": Act(press("jit:approve_changed"), {"pending": ANYBODY}),
    "jit:change_form": Act(submit("jit:change_form", ttl={"value": "10m"}), {"pending": REVIEWS}),
    "jit:deny": Act(press("jit:deny"), {"pending": ANYBODY, "approved": ANYBODY}),
    "jit:deny_form": Act(submit("jit:deny_form", comment=WHY), {"pending": REVIEWS, "approved": REVIEWS}),
    "jit:review": Act(press("jit:review"), SEEN),
    "jit:review_form": Act(submit("jit:review_form"), {"pending": REVIEWS}),
    "jit:details": Act(press("jit:details"), SEEN),
    "jit:withdraw": Act(press("jit:withdraw"), WAITS),
    "jit:drop": Act(press("jit:drop"), ENDS),
    "jit:extend": Act(press("jit:extend"), OWN),
    "jit:extend_form": Act(
        submit("jit:extend_form", ttl={"value": "10m"}, reason=WHY), {"active": "asked", "owed": "asked"}
    ),
    "jit:happened": Act(press("jit:happened"), {"unsure": REVIEWS}),
    "jit:not_happened": Act(press("jit:not_happened"), {"unsure": REVIEWS}),
    "jit:look": Act(press("jit:look"), {"unsure": CONCERNED}),
    "jit:again": Act(press("jit:again"), always("asked")),
    "jit:output": Act(press("jit:output"), {"active": CONCERNED, "owed": AFTERWARDS, "over": CONCERNED}),
    "jit:review_after": Act(press("jit:review_after"), SEEN),
    "jit:review_after_form": Act(submit("jit:review_after_form", verdict=OBJECT, comment=WHY), {"owed": "approver"}),
    "/jit withdraw": Act(typed("withdraw {}"), WAITS),
    "/jit drop": Act(typed("drop {}"), ENDS),
    "/jit extend": Act(typed("extend {} for=10m reason=more"), OWN),
    "/jit status": Act(typed("status {}"), SEEN),
    "/jit why": Act(typed("why {}"), SEEN),
}

ASKERS = {ANN, BO, CY, FAY, HU, ROBOT}
MEMBERS = {*EVERYBODY, *WORDS[OF_ANN]} - set(OUTSIDERS)
PEOPLE = MEMBERS - {ROBOT}
METADATA = '{"action": "access"}'
CHOSEN = {"p:what": {"selected_option": {"value": "three"}}, "p:who": {"selected_user": "U0MO"}, "reason": WHY}
MEANT = '{"action": "access", "params": {"what": "three", "who": "U0MO"}, "reason": "down", "ttl": "30m"}'
VIEW = {"id": "V1", "private_metadata": METADATA, "state": {"values": {}}}


@dataclass(frozen=True)
class Deed:
    """One thing that can be done at a door that is about no request, and who gets anything by it."""

    do: Callable[[Doors, UserId], object]
    may: set[UserId]


def says(text: str) -> Callable[[Doors, UserId], object]:
    return lambda doors, user: doors.type(user, text.replace("ME", f"<@{user}>"))


ABOUT_NONE: Mapping[str, Deed] = {
    "/jit": Deed(says(""), set()),
    "/jit an action": Deed(says("access what=three who=<@U0MO> for=30m reason=down"), ASKERS),
    "/jit an action, broken glass": Deed(says("access what=three who=<@U0MO> break-glass=yes reason=down"), set()),
    "/jit help": Deed(says("help"), set()),
    "/jit mine": Deed(says("mine"), {ANN, BO}),
    "/jit pending": Deed(says("pending"), {BO, CY, HU, SAM}),
    "/jit delegate": Deed(says("delegate"), set()),
    "/jit delegate to somebody": Deed(says("delegate <@U0MO> for 3d"), PEOPLE - {BO, MO}),
    "/jit delegate end": Deed(says("delegate end"), {BO, SAM}),
    "/jit halt": Deed(says("halt"), set()),
    "/jit halt all": Deed(says("halt all why"), {OPS, LIZ}),
    "/jit halt an action": Deed(says("halt action access why"), {OPS, LIZ, BO, CY}),
    "/jit halt oneself": Deed(says("halt person ME why"), MEMBERS - {HU}),
    "/jit halt a person": Deed(says("halt person <@U0BO> why"), {OPS, LIZ, BO}),
    "/jit halt lift": Deed(says("halt lift H-1"), {LIZ}),
    "jit:lift": Deed(lambda doors, user: doors.press(user, "jit:lift", "H-1"), set()),
    "jit:lift_form": Deed(lambda doors, user: doors.submit(user, "jit:lift_form", "H-1"), {LIZ}),
    "jit:open_form": Deed(lambda doors, user: doors.press(user, "jit:open_form", "access what=three"), set()),
    "jit:pick": Deed(lambda doors, user: doors.press(user, "jit:pick", "access", view=VIEW), set()),
    "jit:field": Deed(lambda doors, user: doors.press(user, "jit:field", "x", view=VIEW), set()),
    "jit:form": Deed(lambda doors, user: doors.submit(user, "jit:form", METADATA, **CHOSEN), ASKERS),
    "jit:break_glass": Deed(lambda doors, user: doors.submit(user, "jit:break_glass", MEANT), ASKERS),
}


def who_they_are(user: UserId, owner: str) -> str:
    return WORDS[owner].get(user) or EVERYBODY.get(user, "member")


def expected(act: Act, state: str, user: UserId, owner: str) -> bool:
    may = act.may.get(state, NOBODY)
    return may == ANYBODY or who_they_are(user, owner) in may.split(", ")


def failing(inputs: object, run: object) -> None:
    raise RuntimeError("the line went dead")


def in_state(town: Town, state: str) -> dict[str, Request]:
    """Have Ann and Bo ask, and bring both to a state."""
    later = {"at": (town.ledger.now().replace(microsecond=0) + DAY).isoformat()} if state == "approved" else {}
    glass = {"break_glass": True} if state == "owed" else {}
    if state == "unsure":
        town.runner.on_start = failing
    requests = {
        OF_ANN: asked(town, ANN, "one", **later, **glass),
        OF_BO: asked(town, BO, "two", **later, **glass),
    }
    if state not in ("pending", "owed"):
        for request in requests.values():
            town.approve(CY, request)
    if state == "over":
        for request in requests.values():
            town.drop(request.requester, request)
    seen = {owner: town.see(request) for owner, request in requests.items()}
    assert {request.state for request in seen.values()} == {State(IN.get(state, state))}
    return seen


DAY = timedelta(days=1)
IN = {"owed": "active", "over": "revoked"}


class Sheet:
    """Tries cell after cell; a town in which something was done is replaced by a copy of how it was before."""

    def __init__(self, start: Town, folder: Path) -> None:
        self._start, self._folder = start, folder
        self._towns = 0
        self.tried: Counter[bool] = Counter()
        self.wrong: list[str] = []
        self._fresh()

    def _fresh(self) -> None:
        self._towns += 1
        self.town = copied(self._start, self._folder / f"town-{self._towns}")
        self.doors = Doors(self.town)
        self._before = got(self.town)

    def cell(self, name: str, do: Callable[[Doors], object], *, may: bool) -> None:
        self.doors.told.heard.clear()
        do(self.doors)
        changed = got(self.town) != self._before
        came = changed or CANARY in self.doors.told.text()
        self.tried[may] += 1
        if came is not may:
            self.wrong.append(f"{name}: {'got something' if came else 'was refused'}: {self.doors.told.text()[:160]}")
        if changed:
            self.town.close()
            self._fresh()


@pytest.fixture
def town(empty_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr(forms, "SETTLED_SECONDS", 0)
    folder = tmp_path / "town"
    folder.mkdir()
    shutil.copy(empty_file, folder / "jitbot.db")
    return everybody(f"sqlite:///{folder}/jitbot.db", folder)


def test_every_door_that_is_registered_stands_in_the_table(town: Town) -> None:
    doors = Doors(town)
    assert {*doors.actions, *doors.views} == {each for each in (*ABOUT_ONE, *ABOUT_NONE) if not each.startswith("/")}
    assert set(doors.commands) == {"/jit"}
    words = {each.split()[1] for each in (*ABOUT_ONE, *ABOUT_NONE) if each.startswith("/jit ")}
    assert set(Word) <= words, "a word of /jit that nobody tries"
    town.close()


@pytest.mark.parametrize("state", STATES)
def test_nobody_gets_more_out_of_a_request_than_the_table_says(town: Town, tmp_path: Path, state: str) -> None:
    requests = in_state(town, state)
    town.close()
    started = list(town.runner.started)
    sheet = Sheet(town, tmp_path)
    for name, act in ABOUT_ONE.items():
        for owner, request in requests.items():
            for user in WHO[owner]:
                who = f"{name} by {user}, {who_they_are(user, owner)}, on {owner}"
                do = partial(act.do, user=user, request=request)
                sheet.cell(who, do, may=expected(act, state, user, owner))
    sheet.town.close()
    assert not sheet.wrong, "\n".join([f"{len(sheet.wrong)} of {sum(sheet.tried.values())} cells", *sheet.wrong])
    assert min(sheet.tried.values()) > 30
    assert town.runner.started == started, "nothing ran in any of them"


def test_nobody_gets_more_than_the_table_says_where_it_is_about_no_request(town: Town, tmp_path: Path) -> None:
    in_state(town, "pending")
    town.close()
    sheet = Sheet(town, tmp_path)
    for name, deed in ABOUT_NONE.items():
        for user in MEMBERS | set(OUTSIDERS):
            sheet.cell(f"{name} by {user}", partial(deed.do, user=user), may=user in deed.may)
    sheet.town.close()
    assert not sheet.wrong, "\n".join([f"{len(sheet.wrong)} of {sum(sheet.tried.values())} cells", *sheet.wrong])
