"""A real sshd on loopback, for tests of the runners that log in: Debian's, with its own keys and configuration.

It runs as whoever runs the tests and lets only that person in, so it needs no account of its own. There is no systemd
in most places where tests run; `systemctl` is then a small stand-in on the far side (`tests/systemctl.py`), which keeps
the state of units in files and answers `show` in systemctl's own format.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

READY_SECONDS = 20
SYSTEMCTL = Path(__file__).parent / "systemctl.py"


def a_key() -> asyncssh.SSHKey:
    """Return a new private key."""
    return asyncssh.generate_private_key("ssh-ed25519")


def private(key: asyncssh.SSHKey) -> str:
    """Return a private key as ssh-keygen writes it."""
    return key.export_private_key().decode()


def public(key: asyncssh.SSHKey) -> str:
    """Return a public key on one line."""
    return key.export_public_key().decode().strip()


class Sshd:
    """One server that runs, or can be ended and started again on its port."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder
        self.user = getpass.getuser()
        self.key, self.ca = a_key(), a_key()
        self.port = _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.krl = folder / "revoked"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", self.krl], check=True, stdin=subprocess.DEVNULL)
        (folder / "authorized").write_text(public(self.key) + "\n")
        (folder / "ca.pub").write_text(public(self.ca) + "\n")
        self.new_host_key()
        self.systemctl = folder / "systemctl"
        self.systemctl.write_text(f"#!{sys.executable}\n{SYSTEMCTL.read_text()}")
        self.systemctl.chmod(0o755)

    def new_host_key(self) -> None:
        """Have another host key from the next start on."""
        key = a_key()
        self.host_key = public(key)
        path = self.folder / "host_key"
        path.unlink(missing_ok=True)
        path.write_text(private(key))
        path.chmod(0o600)

    def inputs(self, **more: Any) -> dict[str, Any]:
        """Return how a runner is told to log in here."""
        by = {"host": "127.0.0.1", "port": self.port, "user": self.user, "key": {"secret": "ssh"}}
        return {**by, "host_keys": [self.host_key], **more}

    def secrets(self) -> dict[str, str]:
        """Return the variables that hold the keys."""
        return {"JITBOT_SECRET_SSH": private(self.key), "JITBOT_SECRET_CA": private(self.ca)}

    def requester(self, folder: Path) -> Path:
        """Make the key of somebody who asks, whom nothing lets in yet."""
        path = folder / "id_ed25519"
        key = a_key()
        path.write_text(private(key))
        path.chmod(0o600)
        path.with_suffix(".pub").write_text(public(key) + "\n")
        return path

    def lets_in(self, key: Path, command: str = "true") -> bool:
        """Tell whether OpenSSH's own client gets in with a key and what lies beside it."""
        known = self.folder / "known"
        known.write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        options = {"UserKnownHostsFile": str(known), "StrictHostKeyChecking": "yes", "BatchMode": "yes",
                   "IdentitiesOnly": "yes", "IdentityAgent": "none"}  # fmt: skip
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        where = ["-p", str(self.port), "-l", self.user, "127.0.0.1"]
        done = subprocess.run(
            ["ssh", "-F", "none", "-i", key, *words, *where, command], capture_output=True, check=False
        )
        return done.returncode == 0

    def start(self, **options: str) -> None:
        """Start it, with further lines of its configuration."""
        (self.folder / "config").write_text(_configuration(self.folder, self.port, options))
        command = [self._program, "-D", "-e", "-f", str(self.folder / "config")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
            time.sleep(0.02)
        raise RuntimeError(f"sshd did not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """End the listening server; sessions that are open go on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def cut(self) -> None:
        """End the server and every session at once, as a crash of the host would."""
        if self._process is not None:
            for pid in _below(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.stop()


class Units:
    """The units of the stand-in for systemctl, seen and set from outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "units"
        self._folder.mkdir()

    def add(self, name: str, **state: str) -> None:
        """Add a unit, down unless said otherwise."""
        run = [sys.executable, str(SYSTEMCTL), "--stand-in-add", name, *(f"{k}={v}" for k, v in state.items())]
        subprocess.run(run, check=True, env={"JITBOT_UNITS": str(self._folder)})

    def state(self, name: str) -> Mapping[str, str]:
        """Return everything about a unit."""
        lines = (self._folder / name).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def calls(self) -> list[str]:
        """Return every change that was asked for, in order."""
        log = self._folder.parent / "calls"
        return log.read_text().splitlines() if log.exists() else []


@contextmanager
def sshd(folder: Path, **options: str) -> Iterator[Sshd]:
    """Run an sshd; without one the test is skipped, and says how to get it."""
    program = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no sshd and ssh-keygen here; .ci/sshd installs them from Debian")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it drops its privileges; its service would make it
    server = Sshd(folder, program)
    try:
        server.start(**options)
        yield server
    finally:
        server.cut()


def _configuration(folder: Path, port: int, options: Mapping[str, str]) -> str:
    """Return a configuration that reads nothing outside of the folder; `options` come first and so win."""
    lines = {
        **options,
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": f"{folder}/host_key",
        "PidFile": "none",
        "AuthorizedKeysFile": f"{folder}/authorized",
        "TrustedUserCAKeys": f"{folder}/ca.pub",
        "RevokedKeys": f"{folder}/revoked",
        "AuthenticationMethods": "publickey",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",  # the folder of a test is writable by others at its top
        "UsePAM": "no",
        "UseDNS": "no",
        "SetEnv": f"JITBOT_UNITS={folder}/units",
        "MaxStartups": "100",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _below(pid: int) -> list[int]:
    """Return the processes that one process started, and theirs: those of sshd's own sessions."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                child = int(stat.parent.name)
                found += [child, *_below(child)]
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
