"""Stages behind a real sshd."""

from typing import Any, ClassVar

from jitbot.model import Receipt
from jitbot.outbound.site import EnvironmentSite
from tests.sshd import Sshd, Units, a_key, private, sshd
from tests.stages.here import Program
from tests.stages.stage import BadPath, Stage
from tests.wire import wire

UNIT = "web.service"


class _SshStage(Stage):
    time_limit = "2s"

    def prepare(self) -> None:
        far = self.folder / "sshd"
        far.mkdir()
        self.far: Sshd = self.closing.enter_context(sshd(far))
        self.wire = self.closing.enter_context(wire(("127.0.0.1", self.far.port)))
        self.secrets = self.far.secrets()

    def site(self) -> EnvironmentSite:
        return EnvironmentSite([self.wire.host], self.secrets, [self.far.folder])

    def login(self) -> dict[str, Any]:
        return self.far.inputs(port=self.wire.port)

    def down(self) -> None:
        self.wire.down()

    def up(self) -> None:
        self.wire.up()

    def lock_out(self) -> None:
        self.secrets = {"JITBOT_SECRET_SSH": private(a_key()), "JITBOT_SECRET_CA": "no key at all"}


class SshCommandStage(_SshStage):
    runner = "ssh.command"

    def prepare(self) -> None:
        super().prepare()
        self.program = Program(self.folder)

    def inputs(self) -> dict[str, Any]:
        return {**self.login(), **self.program.argvs(), "refused": [3]}

    def seen(self) -> bool:
        return self.program.seen()

    def refuse(self) -> None:
        self.program.mark("refuse")

    def hang(self) -> None:
        self.program.mark("hang")

    def release(self) -> None:
        self.program.unmark("hang")

    def do_before(self) -> None:
        self.program.mark("done")


class SystemdStage(_SshStage):
    runner = "ssh.systemd"

    def prepare(self) -> None:
        super().prepare()
        self.units = Units(self.far.folder)
        self.units.add(UNIT)

    def inputs(self) -> dict[str, Any]:
        return {**self.login(), "unit": UNIT, "verb": "start", "systemctl": str(self.far.systemctl)}

    def seen(self) -> str:
        return self.units.state(UNIT)["ActiveState"]

    def refuse(self) -> None:
        self.units.add(UNIT, **{"X-Denied": "yes"})

    def hang(self) -> None:
        """Have the unit be in between for as long as anybody looks; it is up behind that."""
        self.units.add(UNIT, **{"X-Slow": "9999"})

    def release(self) -> None:
        self.units.add(UNIT, ActiveState=self.seen())

    def do_before(self) -> None:
        self.units.add(UNIT, ActiveState="active")


class CertificateStage(_SshStage):
    runner = "ssh.certificate"
    without: ClassVar = {
        BadPath.TIME_OUT: "it signs on this machine, with a key in memory: nothing is waited for",
        BadPath.ALREADY: "one more certificate for the same key is another one, with a number and an end of its own",
    }

    def prepare(self) -> None:
        super().prepare()
        self.key = self.far.requester(self.folder)
        self._aside = self.far.krl.with_name("aside")

    def inputs(self) -> dict[str, Any]:
        line = self.key.with_suffix(".pub").read_text()
        return {"public_key": line, "ca": {"secret": "ca"}, "principals": [self.far.user], "krl": str(self.far.krl)}

    def seen(self) -> bool:
        return self.far.lets_in(self.key)

    def received(self, receipt: Receipt) -> None:
        self.key.with_name(f"{self.key.name}-cert.pub").write_text(receipt.data["certificate"] + "\n")

    def refuse(self) -> None:
        self.far.krl.unlink()

    def down(self) -> None:
        """Take away the file by which it could be called back; sshd lets nobody in then."""
        self.far.krl.rename(self._aside)
        self.far.krl.mkdir()

    def up(self) -> None:
        self.far.krl.rmdir()
        self._aside.rename(self.far.krl)
