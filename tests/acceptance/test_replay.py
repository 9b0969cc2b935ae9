"""Past requests through changed policies: what was known at the time decides, and nothing is guessed."""

from datetime import datetime, timedelta
from typing import Any

from jitbot.errors import RunnerRefused
from jitbot.model import DeliveryKind, Request, Span, State, UserId
from jitbot.policy.files.load import load
from jitbot.workbench.history import past_requests
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.replay import Replayed, replay
from tests.town import ANN, BO, CY, DI, PEOPLE, POLICY, Town

ON_CALL = """
on_call:
  primary: {source: fake, name: rota, as: people}
"""
FACTS = """\
    facts:
      incidents: {source: fake, name: incidents}
      since: {source: fake, name: since, as: instant}
      length: {source: fake, name: length, as: duration}
"""


def again(town: Town, since: datetime | None = None, **changed: str) -> Replayed:
    """Replay everything through the town's files with some of them changed."""
    files = {**town.files, **{f"{name}.yml": text for name, text in changed.items()}}
    bench = Bench(load(files, town.catalog, town.sources), town.catalog, town.sources)
    return replay(past_requests(town.trail, since or town.ledger.now() - timedelta(days=30)), bench)


def told(replayed: Replayed) -> list[tuple[str, str, str]]:
    return [(change.request.name, change.old, change.new) for change in replayed.changes]


def prod(town: Town, **more: Any) -> Request:
    return town.ask(ANN, "restart", service="api", env="prod", **more)


def test_the_same_policies_change_nothing(town: Town) -> None:
    town.ask(ANN, "restart", service="api", env="staging")
    town.approve(BO, prod(town))
    town.deny(CY, prod(town))
    town.ask(ANN, "admin")
    replayed = again(town)
    assert (replayed.number, replayed.changes, replayed.unsure, replayed.not_replayed) == (4, [], [], {})


def test_a_stricter_rule_names_the_requests_that_it_would_have_held_up(town: Town) -> None:
    first = town.ask(ANN, "restart", service="api", env="staging")
    prod(town)
    changed = POLICY.replace("when: params.env == 'staging', allow: true", "when: params.env == 'dev', allow: true")
    changed = changed.replace("[staging, prod]", "[staging, prod, dev]")
    assert told(again(town, payments=changed)) == [(first.name, "runs at once", "asks 1 of oncall")]


def test_more_approvals_than_were_given_show_after_the_reviews(town: Town) -> None:
    request = prod(town)
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    changed = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:oncall], count: 2}]")
    assert told(again(town, payments=changed)) == [(request.name, "asks 1 of oncall", "asks 2 of oncall")]
    anyone = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:oncall, group:leads], count: 1}]")
    assert [change.new for change in again(town, payments=anyone).changes] == ["asks 1 of oncall or leads"]


def test_a_reviewer_whom_the_changed_files_no_longer_list_does_not_count(town: Town) -> None:
    request = prod(town)
    town.approve(BO, request)
    (change,) = again(town, people=PEOPLE.replace("oncall: [U0BO, U0CY]", "oncall: [U0CY]")).changes
    assert (change.old, change.new, change.reviewed) == ("approved", "asks 1 of oncall", True)


def test_another_rule_with_the_same_effect_is_no_change(town: Town) -> None:
    town.ask(ANN, "restart", service="api", env="staging")
    assert told(again(town, payments=POLICY.replace("staging is self-serve", "do it yourself"))) == []


def test_what_would_not_be_taken_in_any_more_is_a_change(town: Town) -> None:
    grant = town.ask(ANN, "admin", ttl="3h")
    request = town.ask(ANN, "restart", service="worker", env="staging")
    changed = POLICY.replace("max: 4h", "max: 1h").replace("options: [api, worker]", "options: [api]")
    (first, second) = again(town, payments=changed).changes
    assert (first.request.name, second.request.name) == (grant.name, request.name)
    assert "admin lasts 1h at most" in first.new
    assert "refused as typed: service can be api" in second.new


def test_an_action_that_is_gone_would_be_refused(town: Town) -> None:
    prod(town)
    ((_, _, new),) = told(again(town, payments=POLICY.replace("  restart:", "  reboot:")))
    assert new.startswith("refused: There is no action 'restart'")


def test_a_group_that_slack_knows_is_as_it_was(town: Town) -> None:
    town.directory.usergroups["oncall"] = {BO, CY}
    town.write("people.yml", PEOPLE.replace("oncall: [U0BO, U0CY]", 'oncall: ["@oncall"]'))
    request = prod(town)
    town.approve(BO, request)
    town.directory.usergroups["oncall"] = {DI}
    assert again(town).changes == []
    two = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:oncall], count: 3}]")
    assert [change.new.partition(",")[0] for change in again(town, payments=two).changes] == [
        "refused: Nobody can approve this: “prod needs one on call” wants 3 of oncall"
    ]


def test_facts_are_as_they_were_seen(town: Town) -> None:
    town.write("people.yml", PEOPLE + ON_CALL)
    since = town.ledger.now() - timedelta(hours=3)
    town.facts.values |= {"incidents": 2, "since": since, "length": timedelta(minutes=5), "rota": frozenset({ANN})}
    seen = "facts.incidents > 1 && now - facts.since > duration('1h') && facts.length > duration('1m')"
    rule = f"      - {{name: busy, when: \"'primary' in requester.on_call && {seen}\", allow: true}}\n"
    policy = POLICY.replace(
        "    rules:\n      - {name: staging", FACTS + "    rules:\n" + rule + "      - {name: staging"
    )
    town.write("payments.yml", policy)
    request = prod(town)
    assert town.see(request).decision.rule == "busy"  # type: ignore[union-attr]  # it was decided
    town.facts.values.clear()
    assert again(town).changes == []
    for looser, stricter in (("> 1 &&", "> 2 &&"), ("'1h'", "'4h'"), ("'1m'", "'9m'")):
        assert told(again(town, payments=policy.replace(looser, stricter))) == [
            (request.name, "runs at once", "asks 1 of oncall")
        ]


def test_what_is_not_on_record_cannot_be_told(town: Town) -> None:
    town.directory.usergroups["sre"] = {CY}
    request = prod(town)
    people = PEOPLE + '  sre: ["@sre"]\n'
    changed = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:sre], count: 1}]")
    replayed = again(town, people=people, payments=changed)
    assert (replayed.changes, [change.lacking for change in replayed.unsure]) == ([], [("group:sre",)])
    new_fact = POLICY.replace("    rules:\n      - {name: staging", FACTS + "    rules:\n      - {name: staging")
    new_fact = new_fact.replace("when: params.env == 'staging'", "when: facts.incidents > 0")
    staging = town.ask(ANN, "restart", service="api", env="staging")
    replayed = again(town, payments=new_fact)
    assert [(change.request.name, change.lacking) for change in replayed.unsure] == [
        (staging.name, ("facts.incidents",))
    ]
    assert request.name not in replayed.not_replayed


def test_a_fact_that_is_asked_for_otherwise_is_not_the_one_on_record(town: Town) -> None:
    policy = POLICY.replace("    rules:\n      - {name: staging", FACTS + "    rules:\n      - {name: staging")
    policy = policy.replace("when: params.env == 'staging'", "when: facts.incidents == 0")
    town.write("payments.yml", policy)
    town.facts.values["incidents"] = 0
    town.ask(ANN, "restart", service="api", env="staging")
    assert again(town).unsure == []
    replayed = again(town, payments=policy.replace("name: incidents}", "name: incidents, about: api}"))
    assert [change.lacking for change in replayed.unsure] == [("facts.incidents",)]


def test_members_known_only_for_the_requester_do_not_make_it_impossible(town: Town) -> None:
    town.directory.usergroups["eng"] = {ANN, DI}
    town.write("people.yml", PEOPLE.replace("engineering: [U0ANN, U0BO, U0CY, U0DI]", 'engineering: ["@eng"]'))
    prod(town)
    changed = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:engineering], count: 1}]")
    replayed = again(town, payments=changed)
    assert [(change.new, change.lacking) for change in replayed.unsure] == [
        ("asks 1 of engineering", ("group:engineering",))
    ]


def test_only_requests_made_since_then_are_looked_at(town: Town) -> None:
    old = prod(town)
    town.forward(minutes=30)
    since = town.ledger.now()
    town.approve(BO, old)
    town.ask(ANN, "restart", service="api", env="staging")
    assert again(town, since).number == 1


def test_requests_that_were_not_decided_by_policy_are_named(town: Town) -> None:
    def no_plan(inputs: object) -> None:
        raise RunnerRefused("no route")

    town.runner.on_plan = no_plan
    request = town.do(DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "prod"}, reason="INC-1")
    assert again(town).not_replayed == {f"JIT-{request.request}": "it was refused before policies were asked"}


def test_a_record_that_was_deleted_or_is_of_another_version_is_named(town: Town) -> None:
    first, second, third = prod(town), prod(town), prod(town)
    with town.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE events SET body = NULL WHERE request = {first.id} AND kind = 'ask'")
        connection.exec_driver_sql(
            f"UPDATE events SET body = REPLACE(body, '\"snapshot\"', '\"snapshut\"') WHERE request = {second.id}"
        )
        connection.exec_driver_sql(
            f"UPDATE events SET body = REPLACE(body, '\"decision\"', '\"decided\"') WHERE request = {third.id}"
        )
    assert again(town).not_replayed == {
        first.name: "some of its record was deleted",
        second.name: "its record is of another version of jitbot",
        third.name: "it was not decided yet",
    }


def test_requests_that_were_forgotten_are_named(town: Town) -> None:
    old = town.ask(ANN, "restart", service="api", env="staging")
    town.forward(days=401)
    town.settle()
    replayed = again(town, since=town.ledger.now() - timedelta(days=500))
    assert replayed.not_replayed == {old.name: "some of its record was deleted"}


def test_a_decision_of_before_that_kept_nothing_is_named(town: Town) -> None:
    request = prod(town)
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE events SET body = REPLACE(body, '\"known\":{', '\"x\":{')")
    assert again(town).not_replayed == {request.name: "its decision does not say what was known"}


WINDOWS = """
zone: UTC
freezes:
  launches: {calendar: {source: fake, name: launches, as: spans}}
"""
FREEZE = "guardrails: [{name: freeze, when: freeze.active, deny: Not now.}]\n"


def test_what_the_calendar_of_a_freeze_said_is_on_record(town: Town) -> None:
    now = town.ledger.now()
    town.facts.values["launches"] = (Span(now - timedelta(hours=1), now + timedelta(hours=9), "launch"),)
    town.files = {**town.files, "windows.yml": WINDOWS, "guardrails.yml": FREEZE}
    town.service.book.reload()
    request = prod(town)
    assert town.state(request) is State.DENIED
    town.facts.values["launches"] = ()
    assert again(town).changes == []
    other = again(town, windows=WINDOWS.replace("name: launches", "name: others"))
    assert (other.changes, other.unsure) == ([], [])
    (change,) = again(town, guardrails="guardrails: []\n").changes
    assert change.new == "asks 1 of oncall"


def test_a_freeze_that_is_new_holds_for_the_time_of_then(town: Town) -> None:
    request = prod(town)
    day = town.ledger.now().date()
    dates = f"zone: UTC\nfreezes:\n  f: {{from: {day}, until: {day + timedelta(days=2)}}}\n"
    (change,) = again(town, windows=dates, guardrails=FREEZE).changes
    assert (change.request.name, change.new.partition(" It lasts")[0]) == (request.name, "refused: Not now.")
    assert [change.lacking for change in again(town, windows=WINDOWS, guardrails=FREEZE).unsure] == [("freeze.active",)]


QUOTA = POLICY.replace("allow: true}\n      - name: prod", "allow: {at_most: 1, per: 1h}}\n      - name: prod")


def test_a_quota_goes_by_what_was_counted_then(town: Town) -> None:
    town.write("payments.yml", QUOTA)
    first = town.ask(ANN, "restart", service="api", env="staging")
    second = town.ask(ANN, "restart", service="api", env="staging")
    assert again(town).changes == []
    assert told(again(town, payments=QUOTA.replace("at_most: 1", "at_most: 2"))) == [
        (second.name, "asks 1 of oncall", "runs at once")
    ]
    replayed = again(town, payments=QUOTA.replace("per: 1h", "per: 2h"))
    assert [(change.request.name, change.lacking) for change in replayed.unsure] == [(first.name, ("counts",))]


def test_a_limit_that_was_not_counted_then_cannot_be_told(town: Town) -> None:
    town.ask(ANN, "tune", value="300")
    limited = POLICY.replace("    rules: [{name: free", "    limits: {held: 1}\n    rules: [{name: free")
    assert [change.lacking for change in again(town, payments=limited).unsure] == [("counts",)]
    town.write("payments.yml", limited)
    town.ask(BO, "tune", value="300")
    (before, counted) = past_requests(town.trail, town.ledger.now() - timedelta(days=1))
    assert again(town, payments=limited.replace("held: 1", "held: 2")).changes[0].request.name == counted.name
    assert before.first is not None


TRAINED = """
attributes:
  trained: {type: boolean}
  role: {type: text}
people:
  U0ANN: {trained: true}
  U0BO: {role: dba}
"""
BY_ATTRIBUTES = POLICY.replace("when: params.env == 'staging'", "when: requester.attributes.trained").replace(
    "group:oncall", "attribute:role=dba"
)


def test_attributes_count_as_they_were_unless_they_are_given_otherwise_now(town: Town) -> None:
    town.files = {"people.yml": PEOPLE + TRAINED, "payments.yml": BY_ATTRIBUTES}
    town.service.book.reload()
    assert town.book.fault == ""
    town.ask(ANN, "restart", service="api", env="prod")
    request = town.ask(CY, "restart", service="api", env="prod")
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    same = again(town)
    assert (same.number, same.changes, same.unsure) == (2, [], [])
    stricter = again(town, payments=BY_ATTRIBUTES.replace("attributes.trained,", "attributes.trained && false,"))
    assert [change.new for change in stricter.changes] == ["asks 1 of role=dba"]
    given_anew = again(town, people=PEOPLE + TRAINED.replace("role: dba", "role: dev"))
    assert "attribute:role=dba" in {name for change in given_anew.unsure for name in change.lacking}


def test_an_approval_in_the_place_of_another_counts_again(town: Town) -> None:
    town.do(DeliveryKind.DELEGATE, BO, to="U0EVE", text="for 3d")
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(UserId("U0EVE"), request)
    assert town.state(request) is State.SUCCEEDED
    assert again(town).changes == []
    changed = POLICY.replace("[{from: [group:oncall], count: 1}]", "[{from: [group:oncall], count: 2}]")
    assert told(again(town, payments=changed)) == [(request.name, "asks 1 of oncall", "asks 2 of oncall")]
