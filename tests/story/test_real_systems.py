"""Real systems, steered from the local Slack: what people do there shows in Postgres and HAProxy, and ends on time."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import psycopg
import pytest

from jitbot.cli.demo import Demo
from tests.balancing import Balancer, haproxy, traffic
from tests.postgres import PASSWORD, SECRETS, VERSIONS, APostgres, running
from tests.story.test_the_demo import CHANNEL, card

pytestmark = pytest.mark.xdist_group("real systems")  # one house serves all
BUSY_SECONDS = 2
"""How much later than a second after its end a grant may be taken away where the machine does other things as well."""
RUNNERS = "command,postgres.parameter,postgres.role,haproxy.server"
POLICY = """
team: checkout
channel: "#checkout-oncall"
actions:
  tune:
    title: Tune the database
    runner: postgres.parameter
    with: {{{server}, parameter: work_mem, value: "{{memory}}"}}
    parameters: {{memory: {{type: choice, options: [64MB, 256MB]}}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: everybody may, allow: true}}]
  orders:
    title: Read orders
    runner: postgres.role
    with: {{{server}, role: {role}, login: {login}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: everybody may, allow: true}}]
  drain:
    title: Drain a server
    runner: haproxy.server
    with: {{socket: {socket}, backend: web, server: a, to: drain, wait: 10}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: everybody may, allow: true}}]
"""


class House:
    """The demo with a Postgres and a HAProxy beside its own little service."""

    def __init__(self, demo: Demo, postgres: APostgres, balancer: Balancer) -> None:
        self.demo, self.postgres, self.balancer = demo, postgres, balancer
        self.ann, self.cy = demo.slack.person("U0ANN"), demo.slack.person("U0CY")

    def see(self, what: Callable[[], Any], words: str) -> Any:
        """Wait until something is to be seen."""
        return self.ann.wait_for(what, words, timeout=20)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    top = tmp_path_factory.mktemp("house")
    policies, edge = top / "policies", top / "edge"
    edge.mkdir()
    shutil.copytree("policies", policies)
    with (policies / "guardrails.yml").open("a") as guardrails:
        guardrails.write("\nmay_end: [group:sre]\n")
    with running(VERSIONS[0].values[0]) as postgres, haproxy(edge) as balancer:
        prepare(postgres)
        (policies / "real.yml").write_text(policy(postgres, balancer))
        settings = {**SECRETS, "JITBOT_RUNNERS": RUNNERS, "JITBOT_HTTP_HOSTS": postgres.host}
        settings["JITBOT_RUNNER_PATHS"] = str(edge)
        with Demo(port=0, folder=top / "demo", policies=policies, settings=settings) as demo:
            yield House(demo, postgres, balancer)
        log = demo.log.read_text()
    assert "Traceback" not in log, log


def prepare(postgres: APostgres) -> None:
    postgres.admin("GRANT ALTER SYSTEM ON PARAMETER work_mem TO jitbot")
    postgres.admin(f"CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'")
    postgres.admin("CREATE ROLE orders_reader")
    postgres.admin("CREATE TABLE orders AS SELECT 42 AS answer")
    postgres.admin("GRANT SELECT ON orders TO orders_reader")
    postgres.admin("GRANT orders_reader TO jitbot WITH ADMIN OPTION")


def policy(postgres: APostgres, balancer: Balancer) -> str:
    words = {name: value for name, value in postgres.inputs().items() if name != "password"}
    server = ", ".join(f'{name}: "{value}"' if name != "port" else f"port: {value}" for name, value in words.items())
    server += ", password: {secret: pg}"
    return POLICY.format(server=server, role="orders_reader", login="ann", socket=balancer.socket)


def memory(postgres: APostgres) -> str:
    """Ask as any client would, in a session of its own."""
    [(shown,)] = postgres.rows("SHOW work_mem")
    return str(shown)


def test_a_parameter_is_tuned_and_put_back_at_its_end(house: House) -> None:
    before = memory(house.postgres)
    assert before == "4MB"
    house.ann.command(CHANNEL, '/jit tune memory=64MB for=4s reason="INC-7 reports spill to disk"')
    house.see(lambda: memory(house.postgres) == "64MB", "the parameter, tuned")
    card(house.ann, "Tune the database", "🔵", "ends")
    house.see(lambda: memory(house.postgres) == before, "the parameter as it was")
    card(house.ann, "Tune the database", "⚪")


def test_a_server_is_drained_under_load_and_comes_back_and_no_request_fails(house: House) -> None:
    drained, before = house.balancer.servers["a"], house.balancer.settled()
    with traffic(house.balancer) as seen:
        house.see(lambda: drained.taken > 5, "traffic")
        house.ann.command(CHANNEL, '/jit drain for=30m reason="INC-8 a new kernel"')
        held = card(house.ann, "Drain a server", "🔵", "ends")
        taken, answered = drained.taken, len(seen.statuses)
        house.see(lambda: len(seen.statuses) > answered + 20, "traffic to the others")
        assert (drained.taken, drained.in_hand) == (taken, 0)
        house.cy.click(held, "jit:drop")  # nobody had to review it, but guardrails let the SREs end everything
        card(house.ann, "Drain a server", "⚪")
        house.see(lambda: drained.taken > taken + 5, "traffic that is back")
    assert house.balancer.settled() == before
    assert len(seen.statuses) > 30
    assert set(seen.statuses) == {200}


def test_a_role_is_usable_in_its_timebox_and_refused_a_second_after_it(house: House) -> None:
    assert not reads_orders(house.postgres)
    house.ann.command(CHANNEL, '/jit orders for=4s reason="INC-9 an order is stuck"')
    held = card(house.ann, "Read orders", "🔵", "ends")
    found = re.search(r"ends <!date\^([0-9]+)", str(held))
    assert found, held
    with house.postgres.session("ann") as session, pytest.raises(psycopg.Error):
        assert session.execute("SELECT answer FROM orders").fetchone() == (42,)
        while not Event().wait(0.05):
            session.execute("SELECT answer FROM orders")
            read_at = time.time()
    assert not reads_orders(house.postgres)
    assert -1 <= read_at - int(found[1]) < 2 + BUSY_SECONDS  # the card has whole seconds
    card(house.ann, "Read orders", "⚪", "ended on time")


def reads_orders(postgres: APostgres) -> bool:
    """Tell whether Ann gets to the orders just now."""
    with postgres.session("ann") as session:
        try:
            session.execute("SELECT answer FROM orders")
        except psycopg.errors.InsufficientPrivilege:
            return False
    return True
