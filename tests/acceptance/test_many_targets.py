"""One request, many targets: wave after wave, stopped at the first failure, and what was done is undone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from jitbot.errors import RunnerCutOff, RunnerRefused, RunnerUnsure
from jitbot.model import DeliveryKind, Health, HealthState, Receipt, Request, Stage, State, UndoCause
from jitbot.ports import Run
from jitbot.service import runlog
from tests.acceptance.killing import Killed, die_inside, exorcise, haunt
from tests.town import ANN, BO, CY, PEOPLE, FakeInputs, Town

POLICY = """
team: web
channel: "#web"
actions:
  tune:
    title: Tune the web servers
    runner: fake
    with: {what: "{hosts}", where: prod, value: 7}
    parameters:
      hosts: {type: multi-choice, options: [web1, web2, web3, web4, web5]}
    requesters: [group:engineering]
    FOR_EACH
    rules: [{name: two people look, review: [{from: [group:oncall], count: 1}]}]
"""
FIVE = ["web1", "web2", "web3", "web4", "web5"]
Tune = Callable[..., Request]


@pytest.fixture
def tune(town: Town) -> Tune:
    """Ask for some hosts by a policy with this `for_each`, and have it approved."""

    def ask(for_each: str = "hosts", hosts: list[str] | None = None, more: str = "", **asked: str) -> Request:
        keys = f"for_each: {for_each}\n    {more}" if more else f"for_each: {for_each}"
        town.files = {"web.yml": POLICY.replace("FOR_EACH", keys), "people.yml": PEOPLE}
        town.restart()
        request = town.ask(ANN, "tune", hosts=hosts or FIVE, **asked)
        town.approve(BO, request)
        return town.see(request)

    return ask


def failing(town: Town, host: str, error: Exception) -> None:
    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == host:
            raise error

    town.runner.on_start = on_start


def stages(request: Request) -> list[Stage]:
    return [each.stage for each in request.progress]


DONE, WAITING, REFUSED, UNDONE, UNSURE, BEGUN = (
    Stage.DONE,
    Stage.WAITING,
    Stage.REFUSED,
    Stage.UNDONE,
    Stage.UNSURE,
    Stage.BEGUN,
)


def changed(town: Town) -> list[str]:
    return sorted(target for target, value in town.runner.world.items() if value == 7)


def test_all_are_done_one_after_another(town: Town, tune: Tune) -> None:
    begun: list[str] = []
    town.runner.on_start = lambda inputs, run: begun.append(inputs.what)
    request = tune()
    assert (request.state, request.outcome) == (State.SUCCEEDED, "all 5 done")
    assert begun == FIVE
    assert changed(town) == [f"prod/{host}" for host in FIVE]
    assert stages(request) == [DONE] * 5
    assert town.runner.started == [f"{request.run_key}-{number}" for number in range(1, 6)]
    assert town.trail.rebuild(request.id)[0].progress == request.progress
    town.trail.verify()


def test_the_plan_says_in_which_order_and_what_follows_when_one_fails(town: Town, tune: Tune) -> None:
    plan = tune("{parameter: hosts, waves: [1, 2], pause: 30s}").snapshot.plan
    assert plan is not None
    assert plan.summary.splitlines()[0] == (
        "5 targets, in waves of 1, 2, 2, 30s apart; when one fails, the rest is left out and what was done is undone."
    )
    assert plan.summary.splitlines()[1:] == ["web1, web2, web3, web4, web5: changes prod/{hosts}"]
    assert plan.targets == 5


def test_plans_that_differ_in_more_than_the_name_are_all_told(town: Town, tune: Tune) -> None:
    plan = town.runner.plan
    town.runner.plan = lambda inputs: replace(plan(inputs), summary=f"from {len(inputs.what)} to {inputs.what}")  # type: ignore[method-assign,attr-defined]
    told = tune(hosts=["web1", "web2"]).snapshot.plan
    assert told is not None
    assert told.summary.splitlines()[1:] == ["web1, web2: from 4 to {hosts}"]
    town.runner.plan = lambda inputs: replace(plan(inputs), summary=f"{inputs.what} is number {inputs.what[-1]}")  # type: ignore[method-assign,attr-defined]
    told = tune(hosts=["web1", "web2"]).snapshot.plan
    assert told is not None
    assert told.summary.splitlines()[1:] == ["web1: web1 is number 1", "web2: web2 is number 2"]


def test_a_plan_that_changes_for_one_of_them_asks_people_again(town: Town, tune: Tune) -> None:
    town.files = {"web.yml": POLICY.replace("FOR_EACH", "for_each: hosts"), "people.yml": PEOPLE}
    town.restart()
    request = town.ask(ANN, "tune", hosts=FIVE)
    plan = town.runner.plan
    town.runner.plan = lambda inputs: (  # type: ignore[method-assign]
        replace(plan(inputs), fingerprint="another") if inputs.what == "web3" else plan(inputs)  # type: ignore[attr-defined]
    )
    town.approve(BO, request)
    assert (town.see(request).state, town.see(request).revision) == (State.PENDING, 2)
    assert changed(town) == []


def test_one_that_cannot_be_planned_is_named(town: Town, tune: Tune) -> None:
    def on_plan(inputs: FakeInputs) -> None:
        if inputs.what == "web3":
            raise RunnerRefused("it is gone")

    town.runner.on_plan = on_plan
    assert tune().outcome == "It cannot be planned: web3: it is gone"


def test_waves_wait_for_the_pause(town: Town, tune: Tune) -> None:
    request = tune("{parameter: hosts, waves: [1, 3], pause: 2m}")
    seen = [stages(request).count(DONE)]
    for _ in range(3):
        town.forward(seconds=119)
        town.settle()
        assert stages(town.see(request)).count(DONE) == seen[-1]
        town.forward(seconds=2)
        town.settle()
        seen.append(stages(town.see(request)).count(DONE))
    assert seen == [1, 4, 5, 5]
    assert town.state(request) is State.SUCCEEDED


def test_a_wave_is_done_at_the_same_time(town: Town, tune: Tune) -> None:
    import threading

    together = threading.Barrier(5, timeout=20)
    town.runner.on_start = lambda inputs, run: (together.wait(), None)[1]
    assert tune("{parameter: hosts, waves: all}").state is State.SUCCEEDED


def test_the_first_failure_stops_it_and_what_was_done_is_undone(town: Town, tune: Tune) -> None:
    failing(town, "web3", RunnerRefused("it is full"))
    request = tune()
    assert (request.state, request.undo_cause) == (State.ROLLED_BACK, UndoCause.PARTWAY)
    assert request.outcome == "web3: it is full"
    assert stages(request) == [UNDONE, UNDONE, REFUSED, WAITING, WAITING]
    assert changed(town) == []
    assert len(town.runner.undone) == 2
    assert any("failed on the way, and is being undone: web3: it is full" in said for said in town.said("alarm"))


def test_what_may_have_happened_is_undone_with_the_rest(town: Town, tune: Tune) -> None:
    failing(town, "web3", RunnerUnsure("no answer"))
    request = tune("{parameter: hosts, waves: 3}")
    assert request.state is State.ROLLED_BACK
    assert sorted(town.runner.undone) == [f"{request.run_key}-{number}" for number in (1, 2, 3)]


def test_where_the_policy_says_stop_what_was_done_stays(town: Town, tune: Tune) -> None:
    failing(town, "web3", RunnerRefused("it is full"))
    request = tune("{parameter: hosts, when_one_fails: stop}")
    assert request.state is State.FAILED
    assert request.outcome == "2 of 5 done (web1, web2), which is left as it is. web3: it is full"
    assert changed(town) == ["prod/web1", "prod/web2"]
    assert town.runner.undone == []


def test_what_cannot_be_undone_stays_whatever_the_policy_says(town: Town, tune: Tune) -> None:
    town.runner.can_undo = False
    failing(town, "web2", RunnerRefused("it is full"))
    request = tune()
    assert request.state is State.FAILED
    assert changed(town) == ["prod/web1"]
    assert request.snapshot.plan and "what was done stays as it is" in request.snapshot.plan.summary


def test_where_nothing_has_happened_nothing_is_undone(town: Town, tune: Tune) -> None:
    failing(town, "web1", RunnerRefused("it is full"))
    request = tune()
    assert (request.state, request.outcome) == (State.FAILED, "web1: it is full")
    assert town.runner.undone == []


def test_an_unsure_one_that_is_to_stay_waits_until_somebody_knows(town: Town, tune: Tune) -> None:
    failing(town, "web2", RunnerUnsure("no answer"))
    request = tune("{parameter: hosts, when_one_fails: stop}")
    assert request.state is State.UNSURE
    town.settle_unsure(CY, request, happened=True)
    request = town.see(request)
    assert request.state is State.FAILED
    assert request.outcome == "2 of 5 done (web1, web2), which is left as it is. web2: no answer"


def test_the_last_one_settled_as_happened_is_all_done(town: Town, tune: Tune) -> None:
    failing(town, "web5", RunnerUnsure("no answer"))
    request = tune("{parameter: hosts, when_one_fails: stop}")
    town.settle_unsure(CY, request, happened=True)
    assert town.state(request) is State.SUCCEEDED


def test_the_unsure_one_is_looked_for_by_its_own_key(town: Town, tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def by_key(inputs: FakeInputs, key: str) -> Health:
        asked.append(f"{inputs.what} {key}")
        return Health(HealthState.HEALTHY)

    monkeypatch.setattr(town.runner, "check_by_key", by_key, raising=False)
    failing(town, "web3", RunnerUnsure("no answer"))
    request = tune("{parameter: hosts, when_one_fails: stop}", hosts=["web1", "web2", "web3"])
    assert set(asked) == {f"web3 jit-{request.id}-1-3"}
    assert town.state(request) is State.SUCCEEDED


def test_a_check_settles_the_unsure_one_by_itself(town: Town, tune: Tune) -> None:
    failing(town, "web2", RunnerUnsure("no answer"))
    town.runner.check = lambda inputs, receipt: Health(  # type: ignore[method-assign]
        HealthState.ABSENT if inputs.what == "web2" else HealthState.HEALTHY  # type: ignore[attr-defined]
    )
    request = tune("{parameter: hosts, when_one_fails: stop}")
    assert request.state is State.FAILED
    assert stages(request) == [DONE, REFUSED, WAITING, WAITING, WAITING]


@pytest.mark.parametrize("state", [HealthState.UNHEALTHY, HealthState.ABSENT])
def test_what_is_unhealthy_after_a_wave_stops_the_rest(town: Town, tune: Tune, state: HealthState) -> None:
    town.runner.check = lambda inputs, receipt: Health(  # type: ignore[method-assign]
        state if inputs.what == "web2" else HealthState.HEALTHY,
        "no answer on port 80",  # type: ignore[attr-defined]
    )
    request = tune()
    assert (request.state, stages(request)) == (State.RUNNING, [DONE, DONE, WAITING, WAITING, WAITING])
    town.forward(seconds=6)
    town.settle()
    request = town.see(request)
    assert (request.state, request.undo_cause) == (State.ROLLED_BACK, UndoCause.PARTWAY)
    assert request.outcome == "unhealthy after web1, web2: web2: no answer on port 80"
    assert changed(town) == []


def test_one_bad_reading_alone_stops_nothing(town: Town, tune: Tune) -> None:
    readings = iter([HealthState.UNHEALTHY])
    town.runner.check = lambda inputs, receipt: Health(next(readings, HealthState.HEALTHY))  # type: ignore[method-assign]
    request = tune()
    assert request.state is State.RUNNING
    town.forward(seconds=6)
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_without_check_nobody_looks_between(town: Town, tune: Tune) -> None:
    town.runner.health = HealthState.UNHEALTHY
    assert tune("{parameter: hosts, check: false}").state is State.SUCCEEDED


WATCHED = """facts: {bad: {source: fake, name: firing}}
    verify: {for: 1m, every: 10s, unhealthy_when: facts.bad > before.facts.bad}"""


def test_conditions_over_facts_are_looked_at_between_waves_too(town: Town, tune: Tune) -> None:
    town.runner.on_start = lambda inputs, run: town.facts.values.update(firing=3 if inputs.what == "web2" else 0)
    town.facts.values["firing"] = 0
    request = tune(more=WATCHED)
    assert stages(request).count(DONE) == 2
    town.forward(seconds=11)
    town.settle()
    request = town.see(request)
    assert request.undo_cause is UndoCause.PARTWAY
    assert "facts.bad is 3 (0 before the start)" in request.outcome


def test_all_are_watched_together_after_the_last_wave(town: Town, tune: Tune) -> None:
    town.facts.values["firing"] = 0
    request = tune(more=WATCHED)
    assert request.state is State.VERIFYING
    town.facts.values["firing"] = 3
    for _ in range(3):
        town.forward(seconds=11)
        town.settle()
    request = town.see(request)
    assert request.undo_cause is UndoCause.UNHEALTHY
    assert stages(request) == [UNDONE] * 5
    assert changed(town) == []


GRANT = "timebox: {default: 30m, max: 1h}"


def test_a_grant_is_held_on_all_of_them_and_ends_on_all_of_them(town: Town, tune: Tune) -> None:
    request = tune(more=GRANT)
    assert (request.state, len(changed(town))) == (State.ACTIVE, 5)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(request), changed(town)) == (State.EXPIRED, [])


def test_a_grant_that_fails_on_one_is_given_on_none(town: Town, tune: Tune) -> None:
    failing(town, "web5", RunnerRefused("it is full"))
    request = tune(more=GRANT)
    assert (request.state, changed(town)) == (State.ROLLED_BACK, [])


def test_what_has_many_targets_shares_none_of_them(town: Town, tune: Tune) -> None:
    tune(more=GRANT, hosts=["web1", "web2"])
    again = town.try_to_ask(ANN, "tune", hosts=["web2", "web3"])
    assert (again.refused, again.text) == (
        True,
        "JIT-1 holds this now. Ask again when it has ended.",
    )
    assert town.try_to_ask(ANN, "tune", hosts=["web1", "web2"]).refused
    other = town.ask(ANN, "tune", hosts=["web3"])
    town.approve(BO, other)
    assert town.state(other) is State.ACTIVE


def test_an_undo_that_fails_on_one_is_tried_again_there_only(town: Town, tune: Tune) -> None:
    request = tune(more=GRANT)
    stuck = [True]

    def on_undo(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web2" and stuck[0]:
            raise RunnerUnsure("no route")

    town.runner.on_undo = on_undo
    town.drop(ANN, request)
    request = town.see(request)
    assert (request.state, request.outcome) == (State.UNDOING, "web2: no route")
    assert changed(town) == ["prod/web2"]
    stuck[0] = False
    town.forward(seconds=5)
    town.settle()
    assert (town.state(request), changed(town)) == (State.REVOKED, [])
    assert len(town.runner.undone) == 5


def test_stop_leaves_the_rest_out_and_undoes_what_was_done(town: Town, tune: Tune) -> None:
    request = tune("{parameter: hosts, pause: 5m}")
    assert town.do(DeliveryKind.DROP, ANN, request.id).text == "JIT-1 is being stopped."
    request = town.see(request)
    assert (request.state, request.undo_cause, request.outcome) == (
        State.ROLLED_BACK,
        UndoCause.STOP,
        "stopped by hand",
    )
    assert changed(town) == []


def test_a_part_that_was_cut_off_and_may_happen_yet_is_undone_once_more(
    town: Town, tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "LOOK_SECONDS", 0.0)

    def on_start(inputs: FakeInputs, run: Run) -> None:
        town.service.intake.work(town.take_in(DeliveryKind.DROP, ANN, 1))
        assert run.stopping()
        raise RunnerCutOff("nobody waited for the answer")

    town.runner.stoppable, town.runner.on_start = True, on_start
    request = tune("{parameter: hosts, pause: 5m}")
    assert (request.state, stages(request)[0], len(town.runner.undone)) == (State.UNDOING, Stage.BEGUN, 1)
    town.runner.world["prod/web1"] = 7  # it lands now, and nobody is told
    town.forward(hours=2)
    town.settle()
    assert (town.state(request), len(town.runner.undone)) == (State.ROLLED_BACK, 2)


def test_stop_leaves_what_cannot_be_undone(town: Town, tune: Tune) -> None:
    town.runner.can_undo = False
    request = tune("{parameter: hosts, pause: 5m}")
    town.do(DeliveryKind.DROP, ANN, request.id)
    request = town.see(request)
    assert request.state is State.FAILED
    assert request.outcome == "1 of 5 done (web1), which is left as it is. stopped by hand"


def test_what_takes_too_long_is_left_out(town: Town, tune: Tune) -> None:
    request = tune("{parameter: hosts, pause: 5m}")
    assert request.start_deadline and request.started_at
    assert request.start_deadline - request.started_at == timedelta(minutes=5 * 5 + 4 * (5 + 2))
    town.forward(hours=2)
    town.settle()
    request = town.see(request)
    assert (request.state, request.outcome) == (State.ROLLED_BACK, "the time for it was over")


def test_the_lines_say_which_target_they_are_about(town: Town, tune: Tune) -> None:
    tune(hosts=["web1", "web2"])
    said = "\n".join(town.said("thread"))
    assert "web1: changed prod/web1" in said
    assert "web2: changed prod/web2" in said


@pytest.mark.parametrize(
    ("hosts", "why"), [([], "hosts is needed"), (["web9"], "web9")], ids=["none", "one that there is not"]
)
def test_what_cannot_be_gone_through_is_refused_at_once(town: Town, tune: Tune, hosts: list[str], why: str) -> None:
    tune(hosts=["web1"])
    answer = town.try_to_ask(ANN, "tune", hosts=hosts)
    assert answer.refused
    assert why in answer.text


def die(town: Town, request: Request, at: int, by: Callable[[Town, int], object]) -> bool:
    """Approve with a process that is killed at a step; tell whether it got so far."""
    death = by(town, at)
    try:
        town.approve(BO, request)
    except Killed:
        return True
    finally:
        exorcise(town)
        del death
    return False


@pytest.mark.parametrize(
    "repeatable", [pytest.param(False, id="start once"), pytest.param(True, id="may repeat", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("by", [haunt, pytest.param(die_inside, marks=pytest.mark.long)], ids=["between", "inside"])
def test_killed_at_any_step_it_converges(
    make_town: Callable[[], Town], repeatable: bool, by: Callable[[Town, int], object]
) -> None:
    """All or nothing: whatever the instant, everything is done, or everything that was done is undone."""
    for at in range(1, 200):
        town = make_town()
        town.files = {
            "web.yml": POLICY.replace("FOR_EACH", "for_each: {parameter: hosts, waves: [1, 2]}"),
            "people.yml": PEOPLE,
        }
        town.runner.repeatable = repeatable
        town.restart()
        request = town.ask(ANN, "tune", hosts=FIVE[:3])
        died = die(town, request, at, by)
        town.restart()
        for _ in range(12):
            town.forward(minutes=3)
            town.settle()
        request = town.see(request)
        assert request.ended_at is not None, (at, request.state)
        all_done = request.state is State.SUCCEEDED
        assert len(changed(town)) == (3 if all_done else 0), (at, request.state, stages(request))
        assert all_done or request.state in (State.ROLLED_BACK, State.FAILED, State.LAPSED, State.MISSED)
        if repeatable:
            assert request.state is not State.ROLLED_BACK
        else:
            assert len(set(town.runner.started)) == len(town.runner.started), "each is started once at most"
        town.trail.verify()
        town.close()
        if not died:
            assert at > 8, (at, request)
            return
    raise AssertionError("it never got to the end")


def test_a_start_that_lands_after_the_undo_is_undone_too(town: Town, tune: Tune) -> None:
    """A frozen worker wakes up when all has ended: its part is undone by a run of its own."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web2":
            other = town.twin()
            other.forward(hours=2)
            other.settle()
            assert other.state(request) is State.ROLLED_BACK
            town.database.offset = other.database.offset
            other.service.close()
            other.database.close()

    town.files = {"web.yml": POLICY.replace("FOR_EACH", "for_each: hosts"), "people.yml": PEOPLE}
    town.restart()
    request = town.ask(ANN, "tune", hosts=FIVE)
    town.runner.on_start = on_start
    town.approve(BO, request)
    town.runner.on_start = lambda inputs, run: None
    town.settle()
    assert changed(town) == []
    assert town.state(request) is State.ROLLED_BACK
    assert any("came through after the end; it is being undone" in said for said in town.said("alarm"))


def test_a_start_that_lands_unseen_is_undone_once_more_when_it_cannot_land_any_more(town: Town, tune: Tune) -> None:
    """A frozen worker wakes up, does its part after that was undone, and dies before it can say so."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web2":
            other = town.twin()
            other.forward(seconds=31)
            other.settle()
            assert other.state(request) is State.UNDOING
            assert not changed(other)
            other.service.close()
            other.database.close()

    def after_start() -> None:
        if "prod/web2" in town.runner.world:
            raise Killed

    town.files = {"web.yml": POLICY.replace("FOR_EACH", "for_each: hosts"), "people.yml": PEOPLE}
    town.restart()
    request = town.ask(ANN, "tune", hosts=FIVE)
    town.runner.on_start, town.runner.after_start = on_start, after_start
    with pytest.raises(Killed):
        town.approve(BO, request)
    assert changed(town) == ["prod/web2"]
    exorcise(town)
    town.forward(hours=1)
    town.settle()
    assert (town.state(request), changed(town)) == (State.ROLLED_BACK, [])


def test_a_part_that_was_found_done_and_lands_after_the_undo_is_undone_once_more(town: Town, tune: Tune) -> None:
    """Somebody else had made it so by hand. The start of the worker that was killed is still on its way."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web2":
            raise Killed

    town.facts.values["firing"] = 0
    town.runner.on_start, town.runner.health = on_start, HealthState.HEALTHY
    with pytest.raises(Killed):
        tune("{parameter: hosts, when_one_fails: stop}", hosts=["web1", "web2"], more=WATCHED)
    town.runner.on_start = lambda inputs, run: None
    town.restart()
    town.forward(seconds=31)
    town.settle()
    [request] = town.ledger.find()
    assert (request.state, stages(request)) == (State.VERIFYING, [DONE, DONE])
    town.facts.values["firing"] = 3
    for _ in range(3):
        town.forward(seconds=11)
        town.settle()
    request = town.see(request)
    assert (request.state, request.due_at, stages(request)) == (State.UNDOING, request.start_deadline, [UNDONE, DONE])
    undone = [*town.runner.undone]
    town.facts.values["firing"] = 0
    for _ in range(3):
        town.forward(minutes=6)
        town.settle()
    assert town.state(request) is State.ROLLED_BACK
    assert town.runner.undone == [*undone, f"{request.run_key}-2"], "what has arrived by its deadline is taken back"


def test_a_receipt_of_each_part_reaches_its_undo(town: Town, tune: Tune) -> None:
    town.runner.world = {f"prod/{host}": number for number, host in enumerate(FIVE)}
    seen: dict[str, Receipt | None] = {}
    undo = town.runner.undo
    town.runner.undo = lambda inputs, receipt, run: (  # type: ignore[method-assign]
        seen.__setitem__(inputs.what, receipt),
        undo(inputs, receipt, run),
    )[1]  # type: ignore[attr-defined,func-returns-value]
    request = tune(more=GRANT)
    town.drop(ANN, request)
    assert {host: receipt.data["before"] for host, receipt in seen.items() if receipt} == dict(
        zip(FIVE, range(5), strict=True)
    )


def ask_and_wait(town: Town, for_each: str = "hosts", more: str = "") -> Request:
    """Ask for all five hosts, not approved yet."""
    keys = f"for_each: {for_each}\n    {more}" if more else f"for_each: {for_each}"
    town.files = {"web.yml": POLICY.replace("FOR_EACH", keys), "people.yml": PEOPLE}
    town.restart()
    return town.ask(ANN, "tune", hosts=FIVE)


def taken_over(town: Town, request: Request, host: str, then: Callable[[Town], None], **later: float) -> None:
    """Have another process go on with the request while the worker of one host is frozen."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what != host:
            return
        town.runner.on_start = lambda inputs, run: None
        other = town.twin()
        other.forward(**(later or {"seconds": 31}))
        other.settle()
        then(other)
        town.database.offset = other.database.offset
        other.service.close()
        other.database.close()

    town.runner.on_start = on_start
    town.approve(BO, request)
    town.settle()


def test_two_names_of_one_target_are_refused(town: Town, tune: Tune) -> None:
    tune(hosts=["web1"])
    town.runner.target = lambda inputs: "prod/the same"  # type: ignore[method-assign]
    answer = town.try_to_ask(ANN, "tune", hosts=["web1", "web2"])
    assert (answer.refused, answer.text) == (True, "web2 and web1 are the same target. Choose one of them.")


def test_more_than_fifty_at_once_are_refused(town: Town, tune: Tune) -> None:
    tune(hosts=["web1"])
    many = [f"h{number}" for number in range(51)]
    town.write("web.yml", town.files["web.yml"].replace("web1, web2, web3, web4, web5", ", ".join(many)))
    answer = town.try_to_ask(ANN, "tune", hosts=many)
    assert (answer.refused, answer.text) == (True, "Choose 50 at most; you have chosen 51.")


def test_what_is_gone_through_may_be_another_parameter_by_the_time_it_runs(town: Town) -> None:
    request = ask_and_wait(town)
    town.write("web.yml", town.files["web.yml"].replace("hosts", "machines"))
    answer = town.approve(BO, request)
    assert (answer.refused, "Choose at least one." in answer.text) == (True, True), answer
    assert (town.state(request), changed(town)) == (State.PENDING, [])


def test_a_lost_wave_is_begun_again_where_the_runner_may_repeat(town: Town) -> None:
    town.runner.repeatable = True
    request = ask_and_wait(town, "{parameter: hosts, waves: 2}")
    deaths = iter([Killed()])

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web2" and (death := next(deaths, None)):
            raise death

    town.runner.on_start = on_start
    with pytest.raises(Killed):
        town.approve(BO, request)
    town.restart()
    town.forward(seconds=31)
    town.settle()
    assert (town.state(request), len(changed(town))) == (State.SUCCEEDED, 5)


def test_a_runner_that_is_gone_begins_nothing_again(town: Town) -> None:
    request = ask_and_wait(town, "{parameter: hosts, when_one_fails: stop}")
    town.runner.on_start = lambda inputs, run: (_ for _ in ()).throw(Killed())
    with pytest.raises(Killed):
        town.approve(BO, request)
    town.restart()
    town.catalog.gone = True
    town.forward(seconds=31)
    town.settle()
    assert town.state(request) is State.UNSURE


def test_where_nobody_can_tell_the_health_for_a_minute_the_rest_is_left_out(town: Town, tune: Tune) -> None:
    town.facts.values["firing"] = 0
    town.runner.on_start = lambda inputs, run: setattr(town.facts, "down", True)
    request = tune(more=WATCHED)
    assert (request.state, stages(request).count(DONE)) == (State.RUNNING, 1)
    for _ in range(8):
        town.forward(seconds=11)
        town.settle()
    request = town.see(request)
    assert request.undo_cause is UndoCause.PARTWAY
    assert request.outcome.startswith("nobody can tell whether it is healthy: facts.bad could not be read")


def test_a_refusal_that_comes_after_the_undo_changes_nothing(town: Town) -> None:
    request = ask_and_wait(town)

    def ended(other: Town) -> None:
        other.forward(hours=2)
        other.settle()
        assert other.state(request) is State.ROLLED_BACK

    start = town.runner.start

    def starting(inputs: FakeInputs, run: Run) -> Receipt:
        if inputs.what == "web2":
            town.runner.on_start(inputs, run)
            raise RunnerRefused("too late")
        return start(inputs, run)

    town.runner.start = starting  # type: ignore[method-assign]
    taken_over(town, request, "web2", ended)
    assert town.state(request) is State.ROLLED_BACK
    assert stages(town.see(request))[:2] == [UNDONE, UNDONE]
    assert town.kinds(request).count("late_result") == 0


def test_a_start_that_lands_while_it_is_undone_is_undone_too(town: Town) -> None:
    request = ask_and_wait(town)
    taken_over(town, request, "web2", lambda other: None)
    assert town.kinds(request).count("late_result") == 1
    town.forward(hours=1)
    town.settle()
    assert (town.state(request), changed(town)) == (State.ROLLED_BACK, [])


def test_what_lands_after_the_end_stays_where_the_policy_says_stop_and_is_told(town: Town) -> None:
    request = ask_and_wait(town, "{parameter: hosts, when_one_fails: stop}")

    def settled(other: Town) -> None:
        other.forward(hours=1)
        other.settle_unsure(CY, request, happened=False)
        assert other.state(request) is State.FAILED

    taken_over(town, request, "web2", settled)
    assert (town.state(request), changed(town)) == (State.FAILED, ["prod/web1", "prod/web2"])
    assert any("came through after the end; look at it by hand" in said for said in town.said("alarm"))


def test_a_part_that_lands_in_the_middle_of_its_undo_is_undone_once_more(town: Town, tune: Tune) -> None:
    request = tune(more=GRANT, hosts=["web1", "web2"])
    landed = iter([True])

    def on_undo(inputs: FakeInputs, run: Run) -> None:
        if inputs.what == "web1" and next(landed, False):
            with town.ledger.begin() as entry:
                now = entry.get(request.id)
                late = (replace(now.progress[0], receipt={"before": 55}), *now.progress[1:])
                entry.amend(now, "late_result", "worker", progress=late)

    town.runner.on_undo = on_undo
    town.drop(ANN, request)
    town.forward(seconds=5)
    town.settle()
    assert town.state(request) is State.REVOKED
    assert town.runner.world == {"prod/web1": 55, "prod/web2": 100}


def test_results_of_a_part_say_which_it_is(town: Town) -> None:
    request = ask_and_wait(town)
    town.runner.on_start = lambda inputs, run: None if run.stopping() else run.result("7 rows")
    town.approve(BO, request)
    texts = [
        chunk.data.decode() for each in town.world.outputs.of(request.id) if each.results
        for chunk in town.world.outputs.chunks(each.id)
    ]  # fmt: skip
    assert "web2: 7 rows\n" in "".join(texts)


def test_an_unsure_part_settled_as_not_happened_ends_it(town: Town, tune: Tune) -> None:
    failing(town, "web2", RunnerUnsure("no answer"))
    request = tune("{parameter: hosts, when_one_fails: stop}")
    town.settle_unsure(CY, request, happened=False)
    request = town.see(request)
    assert (request.state, stages(request)[:2]) == (State.FAILED, [DONE, REFUSED])
    assert request.outcome == "1 of 5 done (web1), which is left as it is. web2: no answer"
