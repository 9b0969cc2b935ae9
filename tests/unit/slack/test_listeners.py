"""Listeners: taken in before it is acknowledged, acknowledged without any network, and nothing escapes."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from slack_bolt import BoltRequest, BoltResponse

from jitbot.errors import InvalidInput, NotFound, StoreUnavailable
from jitbot.model import Action, Answer, Copy, Outcome, Person, Request, RequestId, Standing, State, UserId
from jitbot.service.facing import face
from jitbot.slack import forms
from jitbot.slack.app import build_app
from jitbot.slack.client import web_client
from jitbot.slack.desk import Desk, typed_key
from jitbot.slack.directory import Installed
from jitbot.slack.door import Door
from jitbot.slack.hands import Hands
from jitbot.slack.listeners import register
from jitbot.slack.typed import Typed
from jitbot.slack.views import ids
from jitbot.slack.views.form import form
from tests.unit.slack.drawn import make_action, make_decision, make_request

HOME = Installed("T0ACME", "U0BOT", enterprise="E0ACME")


@dataclass
class FakeService:
    """Stands for the service: remembers what was taken in, and answers what it is told to."""

    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    worked: list[str] = field(default_factory=list)
    answer: Answer | None = field(default_factory=Answer)
    down: bool = False
    broken: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)

    @property
    def intake(self) -> "FakeService":
        return self

    @property
    def queries(self) -> "FakeService":
        return self

    def take_in(self, *, key: str, **body: Any) -> bool:
        if self.down:
            raise StoreUnavailable("no database")
        if self.broken:
            raise RuntimeError("a bug")
        return self.taken.setdefault(key, body) is body

    def work(self, key: str) -> Answer | None:
        self.worked.append(key)
        return self.answer

    def action(self, name: str) -> Action:
        if name != "restart":
            raise NotFound(f"There is no action “{name}”. Did you mean restart?")
        return make_action()

    def offered(self, user: UserId) -> list[Action]:
        return [make_action()]

    def instant(self, text: str, user: UserId) -> str:
        return text

    def check(self, *typed: Any) -> None:
        if self.faults:
            raise InvalidInput("wrong", self.faults)

    def preview(self, *asked: Any) -> Any:
        return make_request(decision=make_decision(outcome=Outcome.ALLOW))

    @property
    def changing(self) -> "FakeService":
        return self

    def usual_wait(self, request: Request) -> timedelta | None:
        return None

    def find(self, text: str) -> RequestId:
        if not text.lower().startswith("jit-"):
            raise NotFound(f"“{text}” is not a request.")
        return RequestId(int(text[4:]))

    def card(self, request: RequestId) -> tuple[Request, list[Any]]:
        return make_request(ttl=timedelta(minutes=30), **self.drawn), []

    def status(self, user: UserId, request: RequestId) -> tuple[Request, list[Any]]:
        return make_request(), []

    def may_break_glass(self, user: UserId, action: Action) -> bool:
        return False

    def owed(self, user: UserId) -> list[Request]:
        return []

    mine = pending = lambda self, user: [make_request()]


class FakeSlack:
    """Stands for cards, directory and replies: knows one card, and remembers what was said and shown."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.views: list[dict[str, Any]] = []
        self.people: dict[str, Person] = {}
        self.opens = True
        self.redrawn_meanwhile = False

    def adopt(self, request: RequestId, user: UserId, channel: str, ts: str) -> Copy | None:
        return Copy(request, channel, channel, ts) if ts == "1.0" else None

    def as_drawn(self, body: Any) -> bool:
        return True

    def redraw_clicked(self, *anything: Any, **more: Any) -> None:
        return None

    def known(self, user: UserId) -> Person | None:
        return self.people.get(user)

    def names(self, users: Any) -> dict[UserId, str]:
        return {}

    def display_name(self, user: UserId) -> str:
        return f"the one called {user}"

    def to_person(self, body: Any, user: UserId, said: Any) -> None:
        self.said.append(said if isinstance(said, str) else json.dumps(said.blocks, ensure_ascii=False))

    def by_message(self, user: UserId, said: Any) -> None:
        self.to_person({}, user, said)

    def open(self, trigger: str, view: dict[str, Any]) -> dict[str, Any] | None:
        self.views.append(view)
        return {"id": "V1", **view} if self.opens else None

    def update(self, view_id: str, view: dict[str, Any], seen: str | None = None) -> dict[str, Any] | None:
        if seen and self.redrawn_meanwhile:
            return None
        self.views.append(view)
        return {"id": view_id, **view}


class AtOnce(Hands):
    """Works on the spot, so that a test sees what came of it."""

    def give(self, job: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        job(*args, **kwargs)

    apologise = give


@dataclass
class Bench:
    """A Bolt app on fakes; its Web API address is a closed port, so anything that asks it would fail."""

    service: FakeService
    slack: FakeSlack
    dispatch: Callable[[Any], BoltResponse]

    def command(self, text: str, **more: Any) -> BoltResponse:
        body = {"command": "/jit", "text": text, "user_id": "U0ANN", "team_id": "T0ACME", "trigger_id": "77.1"}
        return self.dispatch({**body, "response_url": "http://127.0.0.1:9/", "channel_id": "C1", **more})

    def click(
        self, action_id: str, value: str = "1042.2", ts: str = "1.0", at: str = "100.5", **more: Any
    ) -> BoltResponse:
        body = interaction("block_actions", **more)
        body["container"] = {"type": "message", "message_ts": ts, "channel_id": "C1"}
        body["actions"] = [
            {"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": at},
        ]
        return self.dispatch(body)

    def submit(self, view: dict[str, Any], values: dict[str, Any] | None = None, **more: Any) -> BoltResponse:
        kept = {**view, "id": "V7", "state": {"values": values or {}}}
        return self.dispatch({**interaction("view_submission", **more), "view": kept})


SEEN = face(make_request(ttl=timedelta(minutes=30)))
"""What is drawn of the request that the service knows."""


def interaction(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "user": {"id": "U0BO", "team_id": "T0ACME"},
        "team": {"id": "T0ACME"},
        "trigger_id": "77.1",
        "response_url": "http://127.0.0.1:9/",
        **more,
    }


@pytest.fixture
def bench() -> Iterator[Bench]:
    service, slack = FakeService(), FakeSlack()
    app = build_app(web_client("xoxb-none", "http://127.0.0.1:9/api/"), "secret", HOME)
    hands = AtOnce()
    directory = cast(Any, slack)
    desk = Desk(cast(Any, service), cast(Any, slack), directory, Door(HOME, directory), cast(Any, slack), hands)
    register(app, desk, cast(Any, slack))

    def dispatch(body: Any) -> BoltResponse:
        return app.dispatch(BoltRequest(body=body, mode="socket_mode"))

    yield Bench(service, slack, dispatch)
    hands.close()


def test_a_click_is_taken_in_with_its_revision_and_the_message_it_was_on(bench: Bench) -> None:
    assert bench.click("jit:approve").status == 200
    (key,) = bench.service.taken
    assert key == "click:T0ACME:U0BO:1042.2:jit:approve:1.0:50"
    taken = bench.service.taken[key]
    assert (taken["kind"], taken["user"], taken["request"]) == ("approve", "U0BO", 1042)
    assert taken["body"] == {"revision": 2, "seen": "", "channel": "C1", "ts": "1.0"}
    assert bench.service.worked == [key]


def test_a_double_click_and_a_redelivery_are_one_and_a_change_of_mind_is_not(bench: Bench) -> None:
    for action, at in (("approve", "100.1"), ("approve", "100.9"), ("withdraw", "101.2"), ("approve", "140.0")):
        bench.click(f"jit:{action}", at=at)
    assert len(bench.service.taken) == 3


@pytest.mark.parametrize(
    ("action_id", "kind", "happened"),
    [
        ("jit:withdraw", "withdraw", None),
        ("jit:drop", "drop", None),
        ("jit:happened", "settle", True),
        ("jit:not_happened", "settle", False),
    ],
)
def test_every_button_that_counts_is_a_delivery(bench: Bench, action_id: str, kind: str, happened: bool | None) -> None:
    bench.click(action_id)
    (taken,) = bench.service.taken.values()
    assert taken["kind"] == kind
    assert taken["body"].get("happened") is happened


@pytest.mark.parametrize("action_id", ["jit:approve", "jit:withdraw", "jit:drop", "jit:happened", "jit:not_happened"])
def test_a_message_we_do_not_know_counts_for_nothing(bench: Bench, action_id: str) -> None:
    assert bench.click(action_id, ts="9.9").status == 200
    assert bench.service.taken == {}
    assert "not one of mine" in bench.slack.said[0]


@pytest.mark.parametrize("value", ["", "1042", "a.b", "1.2.3", "-1.1", "1042.2 ", "9" * 40 + ".1"])
def test_a_button_that_carries_anything_else_counts_for_nothing(bench: Bench, value: str) -> None:
    assert bench.click("jit:approve", value=value).status == 200
    assert bench.service.taken == {}


STRANGER = {"user": {"id": "U0EVE", "team_id": "T0OTHER"}}


def test_what_a_stranger_calls_themselves_is_one_plain_line_of_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    user = {"id": "U0\ud800\nERROR jitbot: JIT-7 was approved " + "x" * 900, "team_id": "T0OTHER"}
    bench.click("jit:approve", user=user)
    (line,) = [each.message for each in caplog.records if "refused at the door" in each.message]
    assert line.startswith("refused at the door: U0⟨U+D800⟩ ERROR jitbot: JIT-7") and len(line) < 140


def test_strangers_are_refused_at_every_door(bench: Bench) -> None:
    for action_id in ("approve", "approve_changed", "deny", "details", "review", "again", "open_form"):
        assert bench.click(f"jit:{action_id}", **STRANGER).status == 200
    assert bench.command("restart service=api", team_id="T0OTHER", user_id="U0EVE").status == 200
    assert bench.submit(form(make_action(), Typed("restart")), **STRANGER).status == 200
    assert bench.click("jit:approve", user={"id": "U0EVE", "team_id": "T0ACME", "is_stranger": True}).status == 200
    assert bench.click("jit:approve", user={"id": "U0EVE"}).status == 200
    assert bench.service.taken == {}
    assert bench.slack.views == []
    assert len(bench.slack.said) == 9


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.BOT, Standing.DEACTIVATED, Standing.STRANGER])
def test_who_is_known_to_be_no_member_is_refused(bench: Bench, standing: Standing) -> None:
    bench.slack.people["U0BO"] = Person(UserId("U0BO"), "T0ACME", "bo", standing)
    bench.click("jit:approve")
    assert bench.service.taken == {}


def test_on_enterprise_grid_the_organisation_is_home_too(bench: Bench) -> None:
    bench.click("jit:approve", user={"id": "U0BO", "team_id": "E0ACME"})
    assert len(bench.service.taken) == 1


def test_when_the_database_is_away_everybody_is_told_that_nothing_was_taken_in(bench: Bench) -> None:
    bench.service.down = True
    assert bench.click("jit:approve").status == 200
    assert "could not be taken in" in bench.slack.said[0]
    answer = bench.command("restart service=api why not")
    assert "could not be taken in" in answer.body
    refused = json.loads(bench.submit(form(make_action(), Typed("restart"))).body)
    assert refused["response_action"] == "errors"
    assert "could not be taken in" in refused["errors"]["p:service"]


def test_a_bug_of_ours_does_not_leave_people_without_an_answer(bench: Bench) -> None:
    bench.service.broken = True
    assert bench.click("jit:approve").status == 200
    assert "wrong on my side" in bench.slack.said[0]
    assert bench.command("restart service=api").status == 200
    assert bench.submit(form(make_action(), Typed("restart"))).status == 200


def test_a_complete_one_liner_is_taken_in_under_its_trigger(bench: Bench) -> None:
    bench.service.answer = Answer("JIT-5 waits for Bo.")
    assert bench.command("restart service=api for=30m it is slow").status == 200
    taken = bench.service.taken[typed_key({"trigger_id": "77.1"})]
    assert taken["body"] == {
        "action": "restart",
        "params": {"service": "api"},
        "reason": "it is slow",
        "ttl": "30m",
        "at": "",
        "source": "slack",
    }
    assert "JIT-5 waits for Bo." in bench.slack.said[0]


def test_an_incomplete_one_liner_opens_the_form_with_what_is_wrong(bench: Bench) -> None:
    bench.service.faults = {"service": "service can be api or worker, not apu."}
    bench.command("restart service=apu it is slow")
    assert bench.service.taken == {}
    assert "service can be api or worker, not apu." in json.dumps(bench.slack.views[0])


def test_what_was_typed_survives_a_form_that_slack_would_not_open(bench: Bench) -> None:
    bench.service.faults, bench.slack.opens = {"service": "wrong"}, False
    bench.command("restart service=apu it is slow")
    assert '"value": "restart service=apu it is slow"' in bench.slack.said[0]


def test_an_unclosed_quote_is_named_with_a_way_into_the_form(bench: Bench) -> None:
    answer = json.loads(bench.command('restart reason="it is slow').body)
    assert "never closed" in answer["text"]
    button = answer["blocks"][1]["elements"][0]
    assert button["action_id"] == "jit:open_form"
    assert bench.click("jit:open_form", value=button["value"]).status == 200
    reason = next(block for block in bench.slack.views[0]["blocks"] if block.get("block_id") == "reason")
    assert reason["element"]["initial_value"] == "it is slow"


def test_an_unknown_action_offers_the_one_that_was_meant(bench: Bench) -> None:
    bench.command("restrat service=api it is slow")
    assert "There is no action “restrat”. Did you mean restart?" in bench.slack.said[0]
    assert '"value": "restart service=api it is slow"' in bench.slack.said[0]


@pytest.mark.parametrize("text", ["help", "mine", "pending", "status JIT-1042"])
def test_questions_are_answered_to_whoever_asked_alone(bench: Bench, text: str) -> None:
    assert bench.command(text).status == 200
    assert len(bench.slack.said) == 1
    assert bench.service.taken == {}


def test_words_about_a_request_want_to_know_which(bench: Bench) -> None:
    assert "/jit why JIT-12" in bench.command("why").body
    assert "is not a request" in bench.command("drop everything").body
    bench.command("why JIT-1042")
    assert bench.slack.views[-1]["title"]["text"] == "JIT-1042"


@pytest.mark.parametrize(("word", "kind"), [("withdraw", "withdraw"), ("drop", "drop")])
def test_a_request_is_ended_by_its_name(bench: Bench, word: str, kind: str) -> None:
    bench.command(f"{word} jit-1042")
    assert bench.service.taken[typed_key({"trigger_id": "77.1"})]["kind"] == kind
    assert bench.service.taken[typed_key({"trigger_id": "77.1"})]["request"] == 1042


def test_a_form_with_faults_stays_open_with_each_at_its_field(bench: Bench) -> None:
    bench.service.faults = {"service": "no", "reason": "is needed"}
    answer = json.loads(bench.submit(form(make_action(), Typed("restart"))).body)
    assert answer == {"response_action": "errors", "errors": {"p:service": "no", "reason": "is needed"}}
    assert bench.service.taken == {}


def test_a_form_sent_twice_is_taken_in_once(bench: Bench) -> None:
    view = form(make_action(), Typed("restart"))
    values = {
        "p:service": {"jit:field": {"selected_option": {"value": "api"}}},
        "reason": {"jit:field": {"value": "x"}},
    }
    for _ in range(2):
        assert bench.submit(view, values).status == 200
    assert list(bench.service.taken) == ["view:V7"]
    assert bench.service.taken["view:V7"]["body"]["params"] == {"service": "api"}


def test_a_denial_is_asked_for_its_reason_and_taken_in_with_it(bench: Bench) -> None:
    bench.click("jit:deny")
    assert bench.service.taken == {}
    bench.submit(bench.slack.views[0], {"comment": {"jit:field": {"value": " wait "}}})
    assert bench.service.taken["view:V7"]["kind"] == "deny"
    assert bench.service.taken["view:V7"]["body"] == {"revision": 2, "seen": SEEN, "comment": "wait"}


def test_what_was_reviewed_is_approved_at_the_revision_that_was_shown(bench: Bench) -> None:
    bench.click("jit:review", ts="from a list")
    bench.submit(bench.slack.views[-1])
    assert bench.service.taken["view:V7"]["kind"] == "approve"
    assert bench.service.taken["view:V7"]["body"] == {"revision": 2, "seen": face(make_request())}


def test_the_picker_becomes_the_form_of_what_was_picked(bench: Bench) -> None:
    bench.command("")
    assert bench.slack.views[-1]["callback_id"] == ids.PICKER
    bench.click("jit:pick", value="restart", view={"id": "V1", "blocks": []})
    assert bench.slack.views[-1]["callback_id"] == ids.FORM_VIEW
    assert "Runs at once" in json.dumps(bench.slack.views[-1])


def test_what_would_happen_is_shown_though_an_earlier_look_ahead_was_shown_meanwhile(bench: Bench) -> None:
    bench.slack.redrawn_meanwhile = True
    view = {"id": "V1", "hash": "older", "state": {"values": {}}, **form(make_action(), Typed("restart"))}
    bench.click("jit:field", value="api", view=view)
    assert "Runs at once" in json.dumps(bench.slack.views[-1])


def test_a_look_ahead_that_takes_long_says_so_in_the_place_of_what_was_said_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, preview = threading.Event(), bench.service.preview
    update = bench.slack.update

    def noticed(view_id: str, view: Any, seen: str | None = None) -> Any:
        said.set()
        return update(view_id, view, seen)

    def slow(*asked: Any) -> Any:
        assert said.wait(10)
        return preview(*asked)

    monkeypatch.setattr(forms, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(bench.slack, "update", noticed)
    monkeypatch.setattr(bench.service, "preview", slow)
    view = {"id": "V1", "hash": "h", "state": {"values": {}}, **form(make_action(), Typed("restart"))}
    bench.click("jit:field", value="api", view=view)
    first, last = (json.dumps(each) for each in bench.slack.views[-2:])
    assert "Looking up who decides" in first
    assert "Runs at once" in last


def test_a_search_is_answered_within_its_acknowledgement(bench: Bench) -> None:
    view = {"id": "V1", **form(make_action(), Typed("restart"))}
    body = {**interaction("block_suggestion"), "action_id": "jit:field", "block_id": "p:service", "value": "wor"}
    answer = json.loads(bench.dispatch({**body, "view": view, "container": {"type": "view"}}).body)
    assert [each["value"] for each in answer["options"]] == ["worker"]


def test_work_that_comes_after_closing_time_is_left_to_the_sweep(bench: Bench) -> None:
    hands = Hands(1)
    hands.close()
    hands.give(bench.slack.said.append, "too late")
    assert bench.slack.said == []


def test_asking_again_opens_the_form_with_what_was_asked(bench: Bench) -> None:
    bench.click("jit:again", user={"id": "U0ANN", "team_id": "T0ACME"})
    drawn = json.dumps(bench.slack.views[0])
    assert "Checkout latency, INC-482" in drawn
    assert '"initial_option": {"text": {"type": "plain_text", "text": "api"' in drawn


def test_nobody_asks_again_in_the_place_of_another(bench: Bench) -> None:
    bench.click("jit:again")
    assert bench.slack.views == []
    assert "not yours" in bench.slack.said[0]


def test_nothing_that_people_type_or_slack_signs_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    bench.service.broken = True
    bench.command("restart service=api the-typed-words")
    bench.click("jit:approve")
    bench.dispatch({"type": "something_new", "secret": "the-typed-words"})
    assert "a bug" in caplog.text
    assert "the-typed-words" not in caplog.text
    assert "77.1" not in caplog.text
    assert "xoxb" not in caplog.text


# Approve with changes

CHANGE = {"type": "modal", "callback_id": "jit:change_form", "private_metadata": "1042.2"}
CHANGE_BLOCKS = [{"type": "input", "block_id": "ttl"}, {"type": "input", "block_id": "start"}]


def test_approving_with_changes_opens_a_form_with_the_revision(bench: Bench) -> None:
    bench.click("jit:approve_changed")
    (view,) = bench.slack.views
    assert (view["callback_id"], view["private_metadata"]) == ("jit:change_form", f"1042.2.{SEEN}")
    assert bench.service.taken == {}


@pytest.mark.parametrize(
    ("drawn", "value", "words"),
    [
        ({"state": State.APPROVED}, "1042.2", "is approved already; nothing can be changed"),
        ({"state": State.LAPSED}, "1042.2", "is lapsed already; nothing can be changed"),
        ({}, "1042.1", "has changed since this was drawn"),
        ({}, f"1042.2.{'0' * 32}", "has changed since this was drawn"),
    ],
)
def test_what_cannot_be_changed_any_more_opens_no_form(
    bench: Bench, drawn: dict[str, Any], value: str, words: str
) -> None:
    bench.service.drawn = drawn
    bench.click("jit:approve_changed", value=value)
    assert bench.slack.views == []
    assert words in bench.slack.said[0]


def test_a_change_is_taken_in_with_its_revision_and_once(bench: Bench) -> None:
    values = {"ttl": {"jit:field": {"value": " 15m "}}, "start": {"jit:field": {"selected_date_time": 1_795_600_800}}}
    for _ in range(2):
        assert bench.submit({**CHANGE, "blocks": CHANGE_BLOCKS}, values).status == 200
    ((key, taken),) = bench.service.taken.items()
    assert (key, taken["kind"], taken["request"]) == ("view:V7", "approve_changed", 1042)
    assert taken["body"] == {"revision": 2, "seen": "", "ttl": "15m", "at": "2026-11-25T10:00:00+00:00"}


def test_a_change_with_a_fault_stays_open_with_the_fault_at_its_field(bench: Bench) -> None:
    bench.service.faults = {"at": "has passed", "for": "is longer"}
    answer = json.loads(bench.submit({**CHANGE, "blocks": CHANGE_BLOCKS}).body)
    assert answer == {"response_action": "errors", "errors": {"start": "has passed", "ttl": "is longer"}}
    assert bench.service.taken == {}


def test_an_answer_names_people_by_their_names(bench: Bench) -> None:
    bench.service.answer = Answer("<@U0CY> holds JIT-7.")
    bench.command("restart service=api it is slow")
    assert bench.slack.said == ["the one called U0CY holds JIT-7."]
