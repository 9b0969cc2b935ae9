"""A worker is taken over, or somebody has a pool's password: no warrants but its own, and no word without its key."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jitbot.audit import Signer
from jitbot.errors import NoWarrant, PoolUnavailable
from jitbot.model import Plan
from jitbot.pools.calls import Answer, Call, Kind, Word
from jitbot.pools.taken import Taken
from jitbot.testing.runners import ContractRun
from tests.pooling import APool, Later, pool, until
from tests.town import FakeInputs, FakeRunner, OneRunner

__all__ = ["pool"]

INPUTS = FakeInputs(what="api", where="prod", value=7)


@pytest.fixture
def service(pool: APool) -> Any:
    return pool.runners(OneRunner(FakeRunner())).runner("fake")


@pytest.fixture
def stranger(pool: APool) -> Taken:
    """Somebody with the address of the pool, and a key that the service does not know."""
    return Taken(pool.place(pool.made.address), "stranger", Signer(Ed25519PrivateKey.generate()))


def test_who_has_the_pool_s_password_and_no_key_that_is_listed_gets_no_warrant(
    pool: APool, service: Any, stranger: Taken
) -> None:
    start = Later(lambda: service.start(INPUTS, ContractRun()))
    hold = until(lambda: stranger.take("jit-1-1", 1), "the call")
    refused = start.result()
    assert isinstance(refused, NoWarrant)
    assert "has a key that JITBOT_POOL_KEYS does not list; nothing was done" in str(refused)
    assert stranger.warrant(hold) is None
    assert pool.signed == []


def test_who_has_no_key_that_is_listed_is_not_believed_about_what_would_happen(
    pool: APool, service: Any, stranger: Taken
) -> None:
    plan = Later(lambda: service.plan(INPUTS))
    [(call,)] = until(lambda: pool.rows("SELECT id FROM calls"), "the call")
    hold = until(lambda: stranger.take(call, 1), "the call")
    stranger.answer(hold, Answer(Word.DONE, Plan("harmless", "f" * 64)))
    said = plan.result()
    assert isinstance(said, PoolUnavailable)
    assert "signed with a key that is not known here" in str(said)


def test_a_call_that_is_for_one_worker_is_not_to_be_had_by_another(pool: APool, stranger: Taken) -> None:
    run = ContractRun()
    call = Call("c", Kind.RELEASE, "fake", INPUTS.model_dump(), None, run.key, run.deadline, run.until, pool.key.key)
    pool.asked().tell(call, "w", 60.0)
    assert stranger.take("c", 1) is None
    own = pool.taken("own")
    assert own.addressed() == [("c", 1)]
    hold = own.take("c", 1)
    assert hold is not None
    assert own.warrant(hold) == "w"
