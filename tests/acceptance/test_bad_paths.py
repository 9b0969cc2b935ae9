"""Every runner of the house on every bad path: the real system is as the ledger says, or the card says "unsure".

The stages (`tests/stages/`) put a runner in front of its system; here the same stories are played on each of them,
through the whole service: asked, approved, decided, started, ended by the clock. What the ledger says is held against
what is to be seen in the system. tests/stages/__init__.py says what a new runner has to bring.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from jitbot.lifecycle import TERMINAL
from jitbot.model import DeliveryKind, State
from jitbot.runners.registry import Registry
from jitbot.service import runlog
from tests.acceptance.killing import Killed, exorcise, haunt
from tests.postgres import VERSIONS, APostgres, running
from tests.stages import STAGES, BadPath, Stage
from tests.stages.playing import Hooked, Played, policy
from tests.stages.stage import missing
from tests.town import ANN, BO, Town

ASKED = "refused when it is asked for"
FAILED, ACTIVE, SUCCEEDED, UNSURE = State.FAILED, State.ACTIVE, State.SUCCEEDED, State.UNSURE
NOT = "cannot be: see `without` of its stage"

# What a request comes to. "Target down" is from the plan to the start; "time-out" is after the work was begun.
# fmt: off
TABLE = {
    #                      refused  target down  time-out  wrong credentials  done already
    "command":            (FAILED,  FAILED,      UNSURE,   ASKED,             FAILED),
    "config.file":        (FAILED,  FAILED,      FAILED,   ASKED,             ACTIVE),
    "haproxy.server":     (FAILED,  FAILED,      UNSURE,   ASKED,             ACTIVE),
    "http":               (FAILED,  FAILED,      UNSURE,   FAILED,            FAILED),
    "postgres.backend":   (FAILED,  FAILED,      NOT,      ASKED,             ASKED),
    "postgres.login":     (FAILED,  FAILED,      FAILED,   ASKED,             ASKED),
    "postgres.parameter": (FAILED,  FAILED,      FAILED,   ASKED,             ACTIVE),
    "postgres.role":      (FAILED,  FAILED,      FAILED,   ASKED,             ACTIVE),
    "postgres.statement": (FAILED,  FAILED,      FAILED,   ASKED,             SUCCEEDED),
    "ssh.certificate":    (FAILED,  FAILED,      NOT,      ASKED,             NOT),
    "ssh.command":        (FAILED,  FAILED,      UNSURE,   FAILED,            FAILED),
    "ssh.systemd":        (FAILED,  FAILED,      UNSURE,   ASKED,             ASKED),
}
# fmt: on
STOPPED_AFTER = 4
"""How often a runner asks in vain whether it is to stop; it asks four to ten times in a second."""
QUICK = {"command", "config.file", "haproxy.server", "http"}
"""Those of the always-run tier; the others take longer, and are of the long tier."""
ELSEWHERE = {
    "argocd.rollback": "tests/contract/test_argocd.py",
    "argocd.sync": "tests/contract/test_argocd.py",
    "aws.auto_scaling": "tests/integration/aws/test_others.py",
    "aws.ecs_deploy": "tests/integration/aws/test_ecs_deploy.py",
    "aws.iam_group": "tests/integration/aws/test_iam_group.py",
    "aws.instance": "tests/integration/aws/test_others.py",
    "aws.rds_parameter": "tests/integration/aws/test_others.py",
    "aws.ssm_command": "tests/integration/aws/test_ssm_command.py",
    "aws.sso_assignment": "tests/integration/aws/test_sso_assignment.py",
    "kubernetes.node": "tests/integration/kubernetes/test_node.py",
    "kubernetes.restart": "tests/integration/kubernetes/test_restart.py",
    "kubernetes.role_binding": "tests/integration/kubernetes/test_role_binding.py",
    "kubernetes.rollback": "tests/integration/kubernetes/test_rollback.py",
    "kubernetes.scale": "tests/integration/kubernetes/test_scale.py",
    "github.deployment": "tests/contract/test_github_deployment.py",
    "github.repository_permission": "tests/contract/test_github_access.py",
    "github.team_member": "tests/contract/test_github_access.py",
    "github.workflow": "tests/contract/test_github_workflow.py",
}
"""Runners that stand on no stage yet, with the tests that have their bad paths one by one."""
COLUMNS = (BadPath.REFUSED, BadPath.DOWN, BadPath.TIME_OUT, BadPath.CREDENTIALS, BadPath.ALREADY)

Play = Callable[..., Played]


def _rows() -> Iterator[Any]:
    """Yield every runner; those for Postgres with each of its versions."""
    for name in TABLE:
        long = [] if name in QUICK else [pytest.mark.long]
        versions = [(each.values[0], each.marks) for each in VERSIONS] if name.startswith("postgres.") else [(None, ())]
        for version, marks in versions:
            yield pytest.param((name, version), id=f"{name}-{version or 'real'}", marks=[*long, *marks])


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[int], APostgres]]:
    """Return a function that gives the one server of a version."""
    with ExitStack() as stack:
        found: dict[int, APostgres] = {}

        def server(version: int) -> APostgres:
            if version not in found:
                found[version] = stack.enter_context(running(version))
            return found[version]

        yield server


@pytest.fixture(params=_rows())
def row(request: pytest.FixtureRequest) -> tuple[str, int | None]:
    found: tuple[str, int | None] = request.param
    return found


@pytest.fixture
def a_postgres(row: tuple[str, int | None], servers: Callable[[int], APostgres]) -> APostgres:
    assert row[1] is not None
    return servers(row[1])


@pytest.fixture
def stage(row: tuple[str, int | None], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = STAGES[row[0]](tmp_path, request.getfixturevalue)
    yield stage
    stage.close()


@pytest.fixture
def play(stage: Stage, make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Return a function that gives a jitbot with the real runner, whose steps killing.py can count."""
    towns: list[Town] = []

    def make(time_limit: str = "1m") -> Played:
        registry = Registry([stage.runner], stage.site())
        monkeypatch.setattr("tests.town.OneRunner", lambda hooks: Hooked(registry, hooks))
        monkeypatch.setattr("tests.town.POLICY", policy(stage, time_limit))
        towns.append(make_town())
        return Played(stage, towns[-1])

    yield make
    for town in towns:
        town.close()


def expected(stage: Stage, path: BadPath) -> State | str:
    """Look into the table; what cannot be is skipped, and says why."""
    found = TABLE[stage.runner][COLUMNS.index(path)]
    if found == NOT:
        pytest.skip(stage.without[path])
    return found


# The table is whole


def test_every_runner_of_the_house_is_in_the_table_and_has_every_bad_path() -> None:
    house = {each.name for each in entry_points(group="jitbot.runners") if each.dist and each.dist.name == "jitbot"}
    assert house == set(TABLE) | set(ELSEWHERE)
    assert set(TABLE) == set(STAGES)
    assert [file for file in ELSEWHERE.values() if not Path(file).exists()] == []
    assert {name: missing(stage) for name, stage in STAGES.items() if missing(stage)} == {}
    for name, row in TABLE.items():
        assert {path for path, cell in zip(COLUMNS, row, strict=True) if cell == NOT} == set(STAGES[name].without), name


# The stories


def test_what_is_asked_for_happens_and_ends(play: Play) -> None:
    played = play()
    request = played.ask()
    assert request is not None
    assert request.state is (ACTIVE if played.stage.granting else SUCCEEDED), request.outcome
    played.assert_true(request)
    played.end(request)
    assert played.town.state(request) is (State.EXPIRED if played.stage.granting else SUCCEEDED)


def test_what_the_system_refuses_did_not_happen(play: Play) -> None:
    played = play()

    def refuse() -> None:
        played.stage.refuse()
        played.before = played.stage.seen()

    played.when_it_starts(refuse)
    request = played.ask()
    assert request is not None
    assert request.state is expected(played.stage, BadPath.REFUSED), request.outcome
    played.assert_true(request)


def test_a_system_that_is_down_did_nothing(play: Play) -> None:
    """It goes down when all is decided; then nobody can even ask; then all is as if nothing had been."""
    played = play()
    played.when_it_starts(played.stage.down)
    request = played.ask()
    assert request is not None
    assert request.state is expected(played.stage, BadPath.DOWN), request.outcome
    played.town.runner.on_start = lambda inputs, run: None
    again = played.ask()
    assert again is None or again.state is FAILED
    played.stage.up()
    played.assert_true(request)


def test_a_grant_whose_system_is_down_at_its_end_is_never_called_ended(play: Play) -> None:
    played = play()
    if not played.stage.granting:
        pytest.skip("it is no grant, so it has no end")
    request = played.ask()
    assert request is not None
    played.assert_true(request)
    played.stage.down()
    played.town.forward(minutes=40)
    played.town.settle()
    assert played.town.state(request) is State.UNDOING
    played.stage.up()
    played.end(request)
    assert played.town.state(request) is State.EXPIRED


def test_what_is_cut_off_in_the_middle_is_unsure_or_did_not_happen(play: Play, stage: Stage) -> None:
    wanted = expected(stage, BadPath.TIME_OUT)
    played = play(stage.time_limit)
    played.when_it_starts(stage.hang)
    request = played.ask()
    stage.release()
    assert request is not None
    lost = "lose" in played.town.kinds(request)
    assert lost if wanted is UNSURE else request.state is wanted, request.outcome
    played.assert_true(request)
    played.end(request)


def test_what_is_stopped_in_the_middle_is_undone_or_did_not_happen(
    play: Play, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "LOOK_SECONDS", 0.0)
    played = play()
    town = played.town
    if not town.catalog.runner(stage.runner).stoppable:
        pytest.skip("it is done at once: there is nothing to stop")
    asked = itertools.count(1)

    def press() -> None:
        """Press Stop when the runner has asked some times, and so has begun."""
        if next(asked) == STOPPED_AFTER:
            town.service.intake.work(town.take_in(DeliveryKind.DROP, ANN, 1))

    town.runner.on_asked = press
    town.runner.on_undo = lambda inputs, run: stage.release()
    played.when_it_starts(stage.linger)
    request = played.ask()
    assert request is not None
    assert request.stopped_by == ANN
    if not town.runner.undone:
        stage.release()
    if request.state is State.UNDOING:  # its order is out, and may be carried out until its time is over
        town.forward(hours=1)
        town.settle()
        request = town.see(request)
    assert request.state in (FAILED, State.ROLLED_BACK), request.outcome
    played.assert_true(request)


def test_wrong_credentials_do_nothing(play: Play, stage: Stage) -> None:
    stage.lock_out()
    played = play()
    request = played.ask()
    if expected(stage, BadPath.CREDENTIALS) == ASKED:
        assert request is None
    else:
        assert request is not None
        assert request.state is expected(stage, BadPath.CREDENTIALS), request.outcome
    assert played.seen() == played.before


def test_what_somebody_else_has_done_already_is_not_taken_away(play: Play, stage: Stage) -> None:
    wanted = expected(stage, BadPath.ALREADY)
    stage.do_before()
    played = play()
    request = played.ask()
    if wanted == ASKED:
        assert request is None
    else:
        assert request is not None
        assert request.state is wanted, request.outcome
        for _ in range(3):
            played.town.forward(minutes=40)
            played.town.settle()
        assert played.town.state(request) in TERMINAL
    assert played.seen() == played.before


def test_an_undo_that_is_made_twice_takes_back_once(play: Play) -> None:
    """The process dies when the undo is done and not written down, so that it is done again."""
    played = play()
    if not played.stage.granting:
        pytest.skip("it is no grant, so nothing is undone")
    request = played.ask()
    assert request is not None
    played.assert_true(request)
    town = played.town

    def die() -> None:
        town.runner.after_undo = lambda: None
        raise Killed

    town.runner.after_undo = die
    town.forward(minutes=40)
    with pytest.raises(Killed):
        town.settle()
    exorcise(town)
    assert len(town.runner.undone) == 2
    played.end(request)
    assert town.state(request) is State.EXPIRED


KILLED_AT = {"before the start": 0, "after the start": 1, "before the undo": 2, "after the undo": 3}


@pytest.mark.parametrize("point", KILLED_AT)
def test_killed_beside_the_runners_own_steps_it_converges(play: Play, point: str) -> None:
    played = play()
    hooks = ("on_start", "after_start", "on_undo", "after_undo")
    if KILLED_AT[point] > 1 and not played.stage.granting:
        pytest.skip("it is no grant, so nothing is undone")

    def die(*_: object) -> None:
        raise Killed

    setattr(played.town.runner, hooks[KILLED_AT[point]], die)
    with pytest.raises(Killed):
        played.ask()
        played.town.forward(minutes=40)
        played.town.settle()
    exorcise(played.town)
    [request] = played.town.ledger.find()
    played.assert_true(request)
    played.end(request)
    assert len(set(played.town.runner.started)) <= 1


@pytest.mark.long
@pytest.mark.timeout(300)
def test_killed_after_any_step_it_converges_with_the_real_system(play: Play) -> None:
    at, died = 0, True
    while died:
        at += 1
        played = play()
        death = haunt(played.town, at)
        with suppress(Killed):
            _live(played)
        exorcise(played.town)
        _live(played)
        died = death.died and played.stage.granting  # what is no grant is done once, and not undone for the next turn
        played.town.close()
    assert at > 10 or not played.stage.granting, at


def _live(played: Played) -> None:
    """Do what is not done yet: ask, approve, and wait for the end."""
    town = played.town
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.try_to_ask(ANN, "act")
    town.settle()
    for request in town.ledger.find():
        if request.state is State.PENDING:
            town.approve(BO, request)
        played.end(town.see(request))
