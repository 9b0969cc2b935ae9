"""What the page on the runner for HAProxy says is true: its example is run, its table is complete."""

from pathlib import Path

import yaml

from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.runners.haproxy.inputs import ServerInputs
from jitbot.runners.haproxy.server import HaproxyServer
from jitbot.testing.runners import ContractRun
from tests.balancing import haproxy
from tests.contract.howto import ROOT, blocks

PAGE = (ROOT / "docs/reference/runner-haproxy.md").read_text(encoding="utf-8")


def test_every_input_is_documented() -> None:
    for name in ServerInputs.model_fields:
        assert f"`{name}`" in PAGE


def test_the_example_drains_and_takes_it_back(tmp_path: Path) -> None:
    policy, _ = blocks(PAGE, "yaml")
    action = yaml.safe_load(policy)["actions"]["drain"]
    assert action["runner"] == "haproxy.server"
    with haproxy(tmp_path) as balancer:
        balancer.ask("set server web/c state ready")
        before = balancer.settled()
        runner = HaproxyServer(EnvironmentSite([], {}, [tmp_path]))
        filled = fill(action["with"], {"server": "c"})
        inputs = runner.Inputs.model_validate({**filled, "socket": balancer.socket})
        assert "web keeps 2 healthy servers (web/a, web/b); at least 2 must remain" in runner.plan(inputs).summary
        receipt = runner.start(inputs, ContractRun())
        assert balancer.settled()["web/c"] == ("12", "1")  # drained, and once disabled by the configuration
        runner.undo(inputs, receipt, ContractRun())
        assert balancer.settled() == before
