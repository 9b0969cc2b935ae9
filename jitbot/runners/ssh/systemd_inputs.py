"""What the runner of systemd's units can be told."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from jitbot.runners.ssh.inputs import FullPath, SshInputs

_UNIT = re.compile(
    r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\-]*(@[A-Za-z0-9:_.\\-]+)?\.(service|socket|timer|path|target|mount)"
)
"""systemd.unit(5), without a dash in front, which would be an option, and without patterns."""
_UNIT_CHARACTERS = 255


class Verb(StrEnum):
    """What is done with the unit, in systemctl's own words."""

    RESTART = "restart"
    START = "start"
    STOP = "stop"
    STATUS = "status"


def _unit(name: str) -> str:
    if len(name) > _UNIT_CHARACTERS or not _UNIT.fullmatch(name):
        raise ValueError(
            "write the whole name of one unit, as `checkout.service` or `worker@3.service`; "
            "templates of units and patterns are refused"
        )
    return name


Unit = Annotated[str, AfterValidator(_unit)]


class SystemdInputs(SshInputs):
    """A unit of systemd on a host, and what is done with it."""

    unit: Unit
    verb: Verb
    systemctl: FullPath = "/usr/bin/systemctl"
    sudo: FullPath | None = None
    """The full path of `sudo` where the user may not do it alone; it is never asked for a password."""

    def command(self, verb: Verb) -> tuple[str, ...]:
        """Return the words that do it."""
        by = () if self.sudo is None else (self.sudo, "-n", "--")
        return (*by, self.systemctl, "--no-ask-password", verb.value, "--", self.unit)
