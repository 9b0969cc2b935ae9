"""Several hosts by one request: wave after wave, and when one of them fails, all are as they were before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from tests.story.test_the_demo import CHANNEL, card

POLICY = """
team: web
channel: "#checkout-oncall"
actions:
  patch:
    title: Patch web servers
    runner: command
    with:
      argv: [sh, -c, "test -e full/$0 && exit 3; touch $0", "{hosts}"]
      undo_argv: [rm, -f, "{hosts}"]
      check_argv: [test, -e, "{hosts}"]
      folder: "%(folder)s"
      target: "host:{hosts}"
      refused: [3]
    parameters:
      hosts: {type: multi-choice, options: [web1, web2, web3, web4]}
    for_each: {parameter: hosts, waves: [1, 2]}
    risk: low
    requesters: [group:engineering]
    rules: [{allow: true}]
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    folder = tmp_path / "hosts"
    (folder / "full").mkdir(parents=True)
    return folder


@pytest.fixture
def patching(tmp_path: Path, hosts: Path) -> Iterator[Demo]:
    policies = tmp_path / "policies"
    shutil.copytree("policies", policies)
    (policies / "web.yml").write_text(POLICY % {"folder": hosts})
    with Demo(port=0, folder=tmp_path / "demo", policies=policies) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def patched(hosts: Path) -> list[str]:
    return sorted(file.name for file in hosts.iterdir() if file.is_file())


def test_all_of_them_or_none(patching: Demo, hosts: Path) -> None:
    ann = patching.slack.person("U0ANN")
    ann.command(CHANNEL, '/jit patch hosts=web1,web2 reason="a new kernel"')
    card(ann, "Patch web servers: web1, web2 ", "all 2 done", "✓ web1 · ✓ web2")
    assert patched(hosts) == ["web1", "web2"]
    (hosts / "full" / "web4").touch()
    ann.command(CHANNEL, '/jit patch hosts=web3,web4 reason="a new kernel"')
    card(ann, "Patch web servers: web3, web4 ", "\u21a9\ufe0f", "web4: ", "↩ web3 · ✗ web4")
    assert patched(hosts) == ["web1", "web2"]
