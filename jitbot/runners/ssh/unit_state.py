"""How a unit of systemd stands, as `systemctl show` tells it."""

from dataclasses import dataclass

from jitbot.outbound.text import shown

_NEEDED = ("Id", "LoadState", "ActiveState", "SubState")
PROPERTIES = (
    *_NEEDED, "Result", "MainPID", "InvocationID", "NeedDaemonReload", "Job", "Type", "RemainAfterExit",
    "ActiveEnterTimestamp", "InactiveEnterTimestamp", "StateChangeTimestampMonotonic",
)  # fmt: skip
SHOW = ("show", f"--property={','.join(PROPERTIES)}", "--")
"""Goes between `systemctl` and the unit."""

_UP = frozenset({"active", "reloading"})
_DOWN = frozenset({"inactive", "failed"})


class NoState(Exception):
    """What came back does not say how a unit stands."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """What systemd says of one unit; instants are as it wrote them, in its own zone."""

    id: str
    load: str
    active: str
    sub: str
    result: str
    pid: str
    invocation: str
    since: str
    changed: str
    """Microseconds of the host's own clock; the same as long as the unit stays in its state."""
    has_job: bool
    ends_by_itself: bool
    """It does one thing and is down again, so that there is nothing to hold or to restart."""
    stale: bool
    """Its file was changed since systemd read it."""

    @property
    def up(self) -> bool:
        """Tell whether it runs."""
        return self.active in _UP

    @property
    def down(self) -> bool:
        """Tell whether it is stopped, well or not."""
        return self.active in _DOWN

    @property
    def settled(self) -> bool:
        """Tell whether it stays as it is unless somebody does something."""
        return (self.up or self.down) and not self.has_job

    def is_run_of(self, other: "UnitState") -> bool:
        """Tell whether this is one and the same run of the unit; systemd below 232 knows no invocations."""
        if self.invocation and other.invocation:
            return self.invocation == other.invocation
        return (self.pid, self.changed) == (other.pid, other.changed)

    def __str__(self) -> str:
        told = f"{self.active} ({self.sub})"
        if self.active == "failed" and self.result:
            told += f", {self.result}"
        if self.pid:
            told += f", PID {self.pid}"
        return shown(f"{told}, since {self.since}" if self.since else told)


def read_state(output: bytes) -> UnitState:
    """Read what `systemctl show` wrote. Raises: NoState."""
    found: dict[str, str] = {}
    for line in output.decode(errors="replace").splitlines():
        name, equals, value = line.partition("=")
        if equals and name in PROPERTIES:  # a login shell may say more than it was asked
            found[name] = value.strip()
    lacking = [name for name in _NEEDED if not found.get(name)]
    if lacking:
        raise NoState(f"systemctl did not say {' and '.join(lacking)}")
    up = found["ActiveState"] in _UP
    return UnitState(
        id=found["Id"],
        load=found["LoadState"],
        active=found["ActiveState"],
        sub=found["SubState"],
        result=found.get("Result", ""),
        pid=found.get("MainPID", "").removeprefix("0"),
        invocation=found.get("InvocationID", ""),
        since=found.get("ActiveEnterTimestamp" if up else "InactiveEnterTimestamp", ""),
        changed=found.get("StateChangeTimestampMonotonic", ""),
        has_job=found.get("Job", "0") not in ("", "0"),
        ends_by_itself=found.get("Type") == "oneshot" and found.get("RemainAfterExit") != "yes",
        stale=found.get("NeedDaemonReload") == "yes",
    )
