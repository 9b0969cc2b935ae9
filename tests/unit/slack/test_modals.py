"""Modals and lists: whatever is in them, Slack takes them, and nothing that was typed is lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.model import Action, Outcome, Parameter, ParameterType, Plan, State, Timebox
from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.view_check import check_view
from jitbot.slack.spans import Block, Drawing
from jitbot.slack.typed import Typed, placed, read_form
from jitbot.slack.views import fields, lists, notices, small
from jitbot.slack.views.change import change_form
from jitbot.slack.views.foresight import Foresight
from jitbot.slack.views.form import form
from jitbot.slack.views.ids import stamp
from jitbot.slack.views.whole import details, review_form
from tests.slack_town import shown
from tests.unit.slack.drawn import NAMES, NOW, make_action, make_decision, make_request, make_review

FOUR = timedelta(minutes=4, seconds=3)
QUICK = settings(deadline=None, max_examples=40)
names = st.from_regex(r"\A[a-z][a-z0-9_]{0,15}\Z")
texts = st.text(max_size=400)
labels = st.text(min_size=1, max_size=100)


@st.composite
def parameters(draw: Any) -> Parameter:
    kind = draw(st.sampled_from(ParameterType))
    options = tuple(draw(st.lists(st.text(min_size=1, max_size=200), max_size=8, unique=True)))
    many = draw(st.booleans()) and bool(options)
    options = (*options, *(f"option {number}" for number in range(150))) if many else options
    options = tuple(dict.fromkeys(options))
    most = draw(st.integers(1, 5000))
    return Parameter(
        draw(names), kind, draw(labels), draw(texts), draw(st.booleans()), None, options, draw(st.none() | texts), most
    )


@st.composite
def actions(draw: Any) -> Action:
    given_parameters = draw(st.lists(parameters(), max_size=6, unique_by=lambda each: each.name))
    box = Timebox(timedelta(minutes=30), timedelta(hours=4)) if draw(st.booleans()) else None
    return replace(
        make_action(),
        parameters=tuple(given_parameters),
        timebox=box,
        title=draw(labels),
        description=draw(texts),
    )


def assert_modal(view: Block) -> None:
    assert check_view(view, ("modal",)) == []


def assert_message(drawing: Drawing) -> None:
    assert check_blocks(drawing.blocks, "message") == []
    assert 0 < len(drawing.text) <= 4000


@QUICK
@given(actions(), st.dictionaries(names, texts), texts, texts, st.dictionaries(names, texts))
def test_no_action_and_nothing_typed_breaks_a_form(
    action: Action, params: dict[str, str], reason: str, ttl: str, faults: dict[str, str]
) -> None:
    typed = {each.name: "x" for each in action.parameters} | params
    for ahead in (Foresight(words=reason), Foresight(make_decision(summary=reason, unread=(ttl,)), names=NAMES)):
        assert_modal(form(action, Typed(action.name, typed, reason, ttl), faults, ahead))


def test_a_choice_of_more_than_a_hundred_is_searched() -> None:
    many = Parameter("service", ParameterType.CHOICE, "Service", options=tuple(f"svc-{n:03}" for n in range(250)))
    assert fields.field(many, "svc-200")["element"]["initial_option"]["value"] == "svc-200"
    assert fields.field(many, "")["element"]["type"] == "external_select"
    found = fields.found_options(many, "svc-2")
    assert [each["value"] for each in found][:2] == ["svc-200", "svc-201"]
    assert len(fields.found_options(many, "")) == 100


def test_a_choice_of_none_says_why_and_cannot_be_asked() -> None:
    view = form(make_action(Parameter("service", ParameterType.CHOICE, "Service")), Typed("restart"))
    assert "lists no options" in shown(view)
    assert "submit" not in view
    assert_modal(view)


def test_options_longer_than_slack_takes_still_come_back_whole() -> None:
    long = tuple("x" * 200 + end for end in "ab")
    parameter = Parameter("service", ParameterType.CHOICE, "Service", options=long)
    value = fields.field(parameter, long[1])["element"]["initial_option"]["value"]
    assert fields.option_of(value, long) == long[1]


def test_a_form_is_read_back_as_it_was_filled_in() -> None:
    action = make_action(
        Parameter("service", ParameterType.CHOICE, "Service", options=("api",)),
        Parameter("zones", ParameterType.MULTI_CHOICE, "Zones", options=("a", "b", "c")),
        Parameter("force", ParameterType.BOOLEAN, "Force"),
        Parameter("count", ParameterType.INTEGER, "Count"),
        Parameter("note", ParameterType.TEXT, "Note"),
        Parameter("wait", ParameterType.DURATION, "Wait"),
        Parameter("whom", ParameterType.USER, "Whom"),
        Parameter("empty", ParameterType.TEXT, "Empty"),
    )

    def state(**value: Any) -> dict[str, Any]:
        return {"jit:field": value}

    values = {
        "p:service": state(selected_option={"value": "api"}),
        "p:zones": state(selected_options=[{"value": "a"}, {"value": "c"}]),
        "p:force": state(selected_option={"value": "true"}),
        "p:count": state(value=" 3 "),
        "p:note": state(value="  as typed  "),
        "p:wait": state(value="30m"),
        "p:whom": state(selected_user="U0BO"),
        "p:empty": state(value=None),
        "reason": state(value="why: db / Account: x#999"),
        "ttl": state(value="1h"),
        "start": state(selected_date_time=1_795_600_800),
    }
    typed = read_form(action, {"state": {"values": values}})
    assert typed.params == {
        "service": "api",
        "zones": ["a", "c"],
        "force": "true",
        "count": "3",
        "note": "  as typed  ",
        "wait": "30m",
        "whom": "U0BO",
    }
    assert (typed.reason, typed.ttl) == ("why: db / Account: x#999", "1h")
    assert typed.at == "2026-11-25T10:00:00+00:00"


@pytest.mark.parametrize(
    ("at", "chosen"),
    [
        ("2026-11-25T10:00:00+00:00", 1_795_600_800),
        ("2026-11-25T11:00+01:00", 1_795_600_800),
        ("2026-11-25T10:00", None),
        ("18:30", None),
        ("", None),
        ("1999-01-01T00:00+00:00", None),
    ],
)
def test_a_start_is_chosen_where_the_action_lets_it_be_planned(at: str, chosen: int | None) -> None:
    later = make_action(start_later=timedelta(days=7))
    view = form(later, Typed("restart", at=at), {"at": "has passed"})
    assert_modal(view)
    field = next(block for block in view["blocks"] if block.get("block_id") == "start")
    assert field["element"].get("initial_date_time") == chosen
    assert "7 d ahead at most" in field["hint"]["text"]
    assert "has passed" in shown(view)
    assert placed({"at": "has passed"}, view) == {"start": "has passed"}
    assert "at=18:30" in lists.usage(later)
    assert "at=18:30" not in lists.usage(make_action())
    assert "start" not in [block.get("block_id") for block in form(make_action(), Typed("restart"))["blocks"]]


@pytest.mark.parametrize("ttl", [None, timedelta(minutes=30)])
@pytest.mark.parametrize("starts_at", [None, NOW + timedelta(days=1)])
@pytest.mark.parametrize("reason", ["", "INC-1 <!channel>" * 300])
def test_the_form_of_changes_carries_the_revision_and_asks_only_what_there_is(
    ttl: timedelta | None, starts_at: Any, reason: str
) -> None:
    request = make_request(ttl=ttl, starts_at=starts_at, reason=reason)
    view = change_form(request)
    assert_modal(view)
    assert (view["callback_id"], view["private_metadata"]) == ("jit:change_form", stamp(request))
    fields_there = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    assert fields_there == (["ttl", "start"] if ttl else ["start"])
    assert "those people are asked again" in shown(view)


def test_every_fault_stands_at_its_field_and_none_is_dropped() -> None:
    view = form(make_action(timebox=Timebox(timedelta(minutes=30), timedelta(hours=4))), Typed("restart"))
    faults = {"service": "no such", "reason": "is needed", "for": "too long", "gone": "unknown"}
    assert placed(faults, view) == {"p:service": "no such unknown", "reason": "is needed", "ttl": "too long"}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.ALLOW, "✅ Runs at once"),
        (Outcome.REVIEW, "⏳ Asks one of oncall (Bo or Cy)."),
        (Outcome.DENY, "⛔ Refused now:"),
    ],
)
def test_the_form_says_what_will_come_of_it(outcome: Outcome, words: str) -> None:
    ahead = Foresight(make_decision(outcome=outcome), names=NAMES)
    assert words in shown(form(make_action(), Typed("restart"), {}, ahead))


def test_the_form_says_how_long_an_answer_usually_takes_where_people_are_asked() -> None:
    asks, runs = (
        shown(form(make_action(), Typed("restart"), {}, Foresight(make_decision(outcome=outcome), usual_wait=FOUR)))
        for outcome in (Outcome.REVIEW, Outcome.ALLOW)
    )
    assert "Usually answered in 4 minutes." in asks
    assert "Usually answered" not in runs


@QUICK
@given(texts, st.text(max_size=3000), st.integers(0, 80_000))
def test_review_shows_all_or_offers_no_approve(reason: str, value: str, length: int) -> None:
    request = make_request(reason=reason, params={"a": value}, inputs={"body": "y" * length}, plan=Plan(reason, "f"))
    view = review_form(request, [], NAMES)
    assert_modal(view)
    assert_modal(details(request, [make_review(comment=reason)] * 60, NAMES))
    if "submit" in view:
        assert shown(view).count("y") >= length


def test_review_carries_the_revision_it_shows() -> None:
    view = review_form(make_request(), [], NAMES)
    assert view["private_metadata"] == stamp(make_request())
    assert "submit" not in review_form(make_request(state=State.DENIED), [], NAMES)


def test_details_draw_the_tree_with_names() -> None:
    text = shown(details(make_request(), [make_review()], NAMES))
    assert "ASK ONE PERSON" in text
    assert '"restart"' in text, "inputs stand there exactly"


@pytest.mark.parametrize("number", [0, 1, 12, 13, 100, 101, 500])
def test_the_picker_works_with_any_number_of_actions(number: int) -> None:
    offered = [make_action(name=f"a{n}", title=f"Action {n} " + "x" * 100) for n in range(number)]
    view = lists.picker(offered)
    assert_modal(view)
    assert number or lists.NOTHING_OFFERED in shown(view)
    assert len(lists.found_actions(offered, "action")) == min(number, 100)


@QUICK
@given(st.lists(texts, max_size=20))
def test_lists_fit_whatever_is_in_them(reasons: list[str]) -> None:
    requests = [make_request(reason=reason, title=reason) for reason in reasons]
    for drawing in (lists.mine(requests, NAMES), lists.pending(requests, requests, NAMES)):
        assert_message(drawing)
    assert_message(lists.help_list([make_action(name="x" * 50, title=reason) for reason in reasons]))


def test_what_waits_for_you_opens_the_whole_story_and_never_approves_by_itself() -> None:
    drawing = lists.pending([make_request()], [], NAMES)
    ids = [
        element["action_id"] for block in drawing.blocks if block["type"] == "actions" for element in block["elements"]
    ]
    assert ids == ["jit:review", "jit:deny", "jit:details"]


@QUICK
@given(texts | st.just("<!channel>" * 500), st.lists(st.text(max_size=2000), max_size=8))
def test_notices_and_threads_fit(text: str, lines: list[str]) -> None:
    for drawing in (
        notices.saying(text),
        notices.alarm(text),
        notices.notice(text, make_request()),
        notices.thread([*lines, text]),
        notices.summary(make_request(state=State.SUCCEEDED, outcome=text), [], NAMES),
        notices.with_form_button(text, "restart", text * 9, "Open the form"),
        lists.status(make_request(reason=text), [], NAMES),
    ):
        assert_message(drawing)
        assert "<!channel>" not in drawing.text
    assert_modal(small.deny_form(make_request(reason=text, title=text)))
    assert_modal(small.saying("x" * 50, text or "-"))
    assert_modal(small.waiting(text))


def test_the_end_is_summed_up_in_one_line() -> None:
    request = make_request(
        state=State.SUCCEEDED,
        approved_at=make_request().created_at + timedelta(minutes=3),
        started_at=make_request().created_at + timedelta(minutes=3),
        ended_at=make_request().created_at + timedelta(minutes=3, seconds=41),
    )
    assert notices.summary(request, [make_review()], NAMES).text == (
        "🟢 JIT-1042 Restart a service: api, prod · done in 41 s · Ann, approved by Bo · waited 3 min, ran 41 s"
    )
