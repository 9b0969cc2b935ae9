"""An operator who means well: the wrong key, a clock that jumps, policies that are gone."""

from jitbot.model import State
from tests.town import ANN, BO, Town


def test_with_the_key_file_of_another_jitbot_nothing_starts_until_the_right_one_is_back(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    key = town.folder / "signing.key"
    right = key.read_bytes()
    town.service.close()
    key.unlink()
    town._build()
    assert town.approve(BO, request).refused
    town.forward(minutes=1)
    town.settle()
    assert (town.state(request), town.runner.started) == (State.PENDING, [])
    town.service.close()
    key.write_bytes(right)
    key.chmod(0o600)
    town._build()
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED


def test_a_clock_that_jumps_ahead_ends_what_is_held_and_starts_nothing_late(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200, ttl="10m")
    waits = town.ask(ANN, "restart", service="api", env="prod")
    town.forward(days=365)
    town.settle()
    assert (town.state(grant), town.state(waits)) == (State.EXPIRED, State.LAPSED)
    assert town.approve(BO, waits).refused


def test_policies_that_are_gone_end_nothing_early_and_keep_nothing_for_longer(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200, ttl="10m")
    waits = town.ask(ANN, "restart", service="api", env="prod")
    town.files = {}
    town.reload()
    assert "there is no policy file" in town.book.fault
    assert town.state(grant) is State.ACTIVE
    assert not town.approve(BO, waits).refused, "the last good ones stay in force"
    town.restart()
    town.forward(minutes=11)
    town.settle()
    assert (town.state(grant), town.runner.world["prod/work_mem"]) == (State.EXPIRED, 100)
