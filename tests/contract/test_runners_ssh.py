"""The published contract suite, passed by the runners over SSH with a real sshd as their target."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jitbot.model import Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Run, Runner
from jitbot.runners.ssh.certificate import CertificateRunner
from jitbot.runners.ssh.command import SshCommandRunner
from jitbot.runners.ssh.systemd import SystemdRunner
from jitbot.testing import RunnerContract
from tests.sshd import Sshd, Units, a_key, public, sshd


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "far"
    folder.mkdir()
    with sshd(folder) as server:
        yield server


@pytest.fixture
def site(far: Sshd) -> EnvironmentSite:
    return EnvironmentSite([far.address], far.secrets(), [far.folder.parent])


class _OfSystemd(RunnerContract):
    verb: str
    before: str

    @pytest.fixture
    def runner(self, site: EnvironmentSite) -> Runner:
        return SystemdRunner(site)

    @pytest.fixture
    def units(self, far: Sshd) -> Units:
        units = Units(far.folder)
        units.add("web.service", ActiveState=self.before)
        return units

    @pytest.fixture
    def inputs(self, far: Sshd, units: Units) -> dict[str, Any]:
        return far.inputs(unit="web.service", verb=self.verb, systemctl=str(far.systemctl))

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**inputs, "unit": "*.service"},
            {**inputs, "unit": "--root=x.service"},
            {**inputs, "unit": "gone.service"},
            {**inputs, "systemctl": "/no/such/systemctl"},
            {**inputs, "host_keys": [public(a_key())]},
            {**inputs, "key": {"secret": "none"}},
            {**inputs, "host": "elsewhere.example.com"},
        ]

    @pytest.fixture
    def effect(self, units: Units) -> Callable[[], Any]:
        return lambda: units.state("web.service")["ActiveState"]


@pytest.mark.long
class TestStarting(_OfSystemd):
    verb, before = "start", "inactive"


@pytest.mark.long
class TestStopping(_OfSystemd):
    verb, before = "stop", "active"


class TestRestarting(_OfSystemd):
    verb, before = "restart", "active"

    @pytest.fixture
    def effect(self, units: Units) -> Callable[[], Any]:
        return lambda: units.state("web.service")["InvocationID"]


class TestCommand(RunnerContract):
    @pytest.fixture
    def runner(self, site: EnvironmentSite) -> Runner:
        return SshCommandRunner(site)

    @pytest.fixture
    def inputs(self, far: Sshd) -> dict[str, Any]:
        mark = f"{far.folder}/drained"
        return far.inputs(
            argv=["/usr/bin/touch", mark],
            undo_argv=["/bin/rm", "-f", mark],
            check_argv=["/usr/bin/test", "-e", mark],
        )

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**inputs, "argv": []},
            {**inputs, "argv": ["touch", "x"]},
            {**inputs, "host_keys": [], "known_hosts": "/no/such/file"},
            {**inputs, "key": {"secret": "none"}},
            {**inputs, "host": "elsewhere.example.com"},
        ]

    @pytest.fixture
    def effect(self, far: Sshd) -> Callable[[], Any]:
        return lambda: (far.folder / "drained").exists()


class _Handing(CertificateRunner):
    """Does with the receipt what its requester would do: puts the certificate beside the key."""

    def __init__(self, site: EnvironmentSite, key: Path) -> None:
        super().__init__(site)
        self._key = key

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        receipt = super().start(inputs, run)
        self._key.with_name(f"{self._key.name}-cert.pub").write_text(receipt.data["certificate"] + "\n")
        return receipt


class TestRevocableCertificate(RunnerContract):
    @pytest.fixture
    def key(self, far: Sshd, tmp_path: Path) -> Path:
        return far.requester(tmp_path)

    @pytest.fixture
    def runner(self, site: EnvironmentSite, key: Path) -> Runner:
        return _Handing(site, key)

    @pytest.fixture
    def inputs(self, far: Sshd, key: Path) -> dict[str, Any]:
        line = key.with_suffix(".pub").read_text()
        return {"public_key": line, "ca": {"secret": "ca"}, "principals": [far.user], "krl": str(far.krl)}

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**inputs, "public_key": "ssh-ed25519 AAAA"},
            {**inputs, "principals": []},
            {**inputs, "principals": ["root,ann"]},
            {**inputs, "ca": {"secret": "none"}},
            {**inputs, "krl": "/no/such/krl"},
            {**inputs, "krl": None},
        ]

    @pytest.fixture
    def effect(self, far: Sshd, key: Path) -> Callable[[], Any]:
        return lambda: far.lets_in(key)


class TestShortCertificate(TestRevocableCertificate):
    @pytest.fixture
    def inputs(self, far: Sshd, key: Path) -> dict[str, Any]:
        line = key.with_suffix(".pub").read_text()
        return {"public_key": line, "ca": {"secret": "ca"}, "principals": [far.user], "valid_for": "5m"}

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any], far: Sshd) -> list[dict[str, Any]]:
        return [{**inputs, "valid_for": "25h"}, {**inputs, "krl": str(far.krl)}]
