"""The published contract suite, passed by runners of the house through a pool: the port hides where they run."""

import uuid
from collections.abc import Iterator
from typing import cast

import pytest

from jitbot.outbound.site import BareSite, EnvironmentSite
from jitbot.pools.pooled import Pooled
from jitbot.ports import Runner
from jitbot.runners.registry import Registry
from tests.contract import test_runners as here
from tests.pooling import APool, Signing

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("pool")]

service = here.service


@pytest.fixture(scope="module")
def working(postgres_server: str) -> Iterator[APool]:
    """Run one pool with a worker for all tests; a bare site stands in the service, so that nothing can run here."""
    pool = APool(postgres_server)
    with pool.worker(Registry(["command"], EnvironmentSite(()))):
        yield pool
    pool.close()


class InAPool:
    """Gives the runner of the tests as the service has it: what it does, the worker does."""

    @pytest.fixture
    def runner(self, working: APool) -> Runner:
        local = Registry(["command"], BareSite(lambda text: text)).runner("command")
        pooled = Pooled("command", local, working.asked(), working.trust)
        return cast(Runner, Signing(working, "command", pooled, anew=f"-{uuid.uuid4().hex}"))


@pytest.mark.long
class TestRollingBackInAPool(InAPool, here.TestRollingBackByCommand):
    pass


class TestGrantingInAPool(InAPool, here.TestGrantingByCommand):
    pass
