"""What the page on the runner for configuration files says is true: its example is run, its table is complete."""

from pathlib import Path

import yaml

from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.runners.config_file.inputs import FileInputs
from jitbot.runners.config_file.runner import ConfigFile
from jitbot.testing.runners import ContractRun
from tests.contract.howto import ROOT, blocks

PAGE = (ROOT / "docs/reference/runner-config-file.md").read_text(encoding="utf-8")


def test_every_input_is_documented() -> None:
    for name in FileInputs.model_fields:
        assert f"| `{name}` |" in PAGE


def test_the_example_sets_the_level_and_takes_it_back(tmp_path: Path) -> None:
    policy, _ = blocks(PAGE, "yaml")
    action = yaml.safe_load(policy)["actions"]["log-level"]
    assert action["runner"] == "config.file"
    file = tmp_path / "checkout" / "app.yml"
    file.parent.mkdir()
    file.write_text("logging:\n  level: info  # as in production\n")
    runner = ConfigFile(EnvironmentSite([], {}, [tmp_path]))
    filled = fill(action["with"], {"service": "checkout", "level": "debug"})
    inputs = runner.Inputs.model_validate({**filled, "folder": str(tmp_path)})
    receipt = runner.start(inputs, ContractRun())
    assert file.read_text() == "logging:\n  level: debug  # as in production\n"
    runner.undo(inputs, receipt, ContractRun())
    assert file.read_text() == "logging:\n  level: info  # as in production\n"
