"""What the page on the runners over SSH says is true: its tables are complete, and its example is run."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.ports import Runner
from jitbot.runners.registry import Registry
from jitbot.runners.ssh.certificate_inputs import CertificateInputs, Extension
from jitbot.runners.ssh.command_inputs import SshCommandInputs
from jitbot.runners.ssh.systemd_inputs import SystemdInputs
from jitbot.testing.runners import ContractRun
from tests.contract.howto import ROOT, blocks
from tests.sshd import Sshd, Units, sshd

SBIN = "/usr/sbin:/usr/local/sbin:/usr/bin"
PAGE = (ROOT / "docs/reference/runners-ssh.md").read_text(encoding="utf-8")
ACTIONS = yaml.safe_load(blocks(PAGE, "yaml")[0])["actions"]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "far"
    folder.mkdir()
    with sshd(folder) as server:
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
        yield server


@pytest.fixture
def registry(far: Sshd) -> Registry:
    secrets = far.secrets() | {"JITBOT_SECRET_SSH_CHECKOUT": far.secrets()["JITBOT_SECRET_SSH"]}
    secrets |= {"JITBOT_SECRET_SSH_CA": far.secrets()["JITBOT_SECRET_CA"]}
    names = [action["runner"] for action in ACTIONS.values()]
    return Registry(names, EnvironmentSite([far.address], secrets, [far.folder.parent]))


def made(registry: Registry, action: str, params: dict[str, Any], here: dict[str, Any]) -> tuple[Runner, BaseModel]:
    """Return an example's runner and its inputs, with the places of this machine in them."""
    name = ACTIONS[action]["runner"]
    values = fill(ACTIONS[action]["with"], params)
    assert set(here) <= set(values) | {"port", "systemctl"}
    return registry.runner(name), registry.inputs(name, values | here)


def login(far: Sshd) -> dict[str, Any]:
    known = str(far.folder / "known_hosts")
    return {"host": "127.0.0.1", "port": far.port, "user": far.user, "known_hosts": known}


@pytest.mark.parametrize("inputs", [SystemdInputs, SshCommandInputs, CertificateInputs])
def test_every_input_is_documented(inputs: type[BaseModel]) -> None:
    for name in inputs.model_fields:
        assert f"| `{name}` |" in PAGE
    for extension in Extension:
        assert f"`{extension.value}`" in PAGE


def test_the_example_of_a_unit_works(far: Sshd, registry: Registry) -> None:
    units = Units(far.folder)
    units.add("web.service", ActiveState="active")
    sudo = far.folder / "sudo"
    sudo.write_text('#!/bin/sh\nprintf "%s " "$@" >> "$0.log"\nshift 2\nexec "$@"\n')
    sudo.chmod(0o755)
    here = {**login(far), "sudo": str(sudo), "systemctl": str(far.systemctl)}
    runner, told = made(registry, "restart-web", {"host": "web1"}, here)
    assert runner.start(told, ContractRun()).data["pid"] == "824"
    asked = sudo.with_name("sudo.log").read_text().strip().removeprefix(f"-n -- {far.systemctl} ")
    assert f"NOPASSWD: /usr/bin/systemctl {asked}\n" in PAGE  # sudo compares word by word


@pytest.mark.skipif(shutil.which("visudo", path=SBIN) is None, reason="there is no sudo here; apt-get install sudo")
def test_the_line_for_sudo_is_one(tmp_path: Path) -> None:
    [line] = [block for block in blocks(PAGE, "text") if "NOPASSWD" in block]
    (tmp_path / "sudoers").write_text(line)
    (tmp_path / "sudoers").chmod(0o440)
    visudo = str(shutil.which("visudo", path=SBIN))
    subprocess.run([visudo, "-c", "-f", tmp_path / "sudoers"], check=True, capture_output=True)


def test_the_example_of_a_command_works(far: Sshd, registry: Registry) -> None:
    runner, told = made(registry, "drain-node", {"node": "blue-7"}, login(far))
    scripts = {"drain": 'test "$2" = jit-1-1 && touch "{at}$4"', "undrain": 'rm -f "{at}$4"',
               "drained": 'test -e "{at}$2" || exit 4'}  # fmt: skip
    for name, script in scripts.items():
        (far.folder / name).write_text("#!/bin/sh\n" + script.replace("{at}", f"{far.folder}/"))
        (far.folder / name).chmod(0o755)
    argvs = {}
    for key in ("argv", "undo_argv", "check_argv"):
        program, *words = getattr(told, key)
        argvs[key] = [str(far.folder / Path(program).name), *words]
    told = type(told).model_validate({**told.model_dump(mode="json"), **argvs})
    assert runner.target(told) == "node:blue-7"
    assert runner.check(told, None).state is HealthState.ABSENT
    receipt = runner.start(told, ContractRun())
    assert runner.check(told, receipt).state is HealthState.HEALTHY
    runner.undo(told, receipt, ContractRun())
    assert runner.check(told, None).state is HealthState.ABSENT


def test_the_example_of_a_certificate_works(far: Sshd, registry: Registry, tmp_path: Path) -> None:
    key = far.requester(tmp_path)
    here = {"principals": [far.user], "source_addresses": ["127.0.0.0/8"], "krl": str(far.krl)}
    line = key.with_suffix(".pub").read_text()
    runner, told = made(registry, "login-deploy", {"key": line}, here)
    run = ContractRun()
    run.until = datetime.fromtimestamp(time.time() + 60, UTC)
    receipt = runner.start(told, run)
    key.with_name(f"{key.name}-cert.pub").write_text(run.lines[-1] + "\n")  # as it is posted
    assert far.lets_in(key)
    runner.undo(told, receipt, run)
    assert not far.lets_in(key)


def test_the_lines_for_sshd_are_such(far: Sshd) -> None:
    [lines] = [block for block in blocks(PAGE, "text") if "RevokedKeys" in block]
    assert {line.split()[0] for line in lines.splitlines()} == {"TrustedUserCAKeys", "RevokedKeys"}
    assert "ssh-keygen -k -f" in PAGE


def test_an_sshd_that_cannot_read_its_krl_lets_nobody_in(far: Sshd, registry: Registry) -> None:
    """The page warns of it."""
    runner, told = made(registry, "drain-node", {"node": "x"}, login(far))
    told = type(told).model_validate({**told.model_dump(mode="json"), "argv": ["/bin/true"]})
    runner.start(told, ContractRun())
    far.krl.unlink()
    with pytest.raises(Exception, match="was not let in"):
        runner.start(told, ContractRun())
