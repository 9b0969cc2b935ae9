"""Owns the checkout process and changes how it stands, one change at a time."""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jitbot.cli.demo_service.record import RELEASES, Record, instant

END_SECONDS = 3.0
LOOK_SECONDS = 0.5
LONGEST_GRANT_SECONDS = 24 * 3600

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class Refused(Exception):
    """The supervisor says no, and nothing happened; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Supervisor:
    """Keeps one checkout process on a port that it holds itself, so that callers wait while it restarts."""

    def __init__(self, folder: Path, port: int) -> None:
        self._record = Record.load(folder)
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._look_after, name="demo-supervisor", daemon=True)
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        self._start_process()
        self._watch.start()

    def stop(self) -> None:
        """End what this supervisor started, and nothing else."""
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join()
        self._end_process()
        self._listener.close()

    def state(self) -> dict[str, Any]:
        with self._lock:
            return self._record.state()

    def answered(self, key: str) -> dict[str, Any]:
        """Return what was answered to a key. Raises: Refused when nothing was ever done under it."""
        with self._lock:
            if key not in self._record.answers:
                raise Refused(404, f"Nothing was done under the key {key}.")
            answer: dict[str, Any] = self._record.answers[key]["answer"]
            return answer

    def once(self, key: str, asked: str, change: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Make a change, or return the first answer again if the key is known. Raises: Refused."""
        with self._lock:
            known = self._record.answers.get(key)
            if known is not None and known["asked"] != asked:
                raise Refused(422, f"The key {key} was used for something else: {known['asked']}.")
            if known is not None:
                return dict(known["answer"])
            answer = change()
            if key:
                self._record.remember(key, asked, answer)
            self._record.save()
            return answer

    def restart(self) -> dict[str, Any]:
        before = self._record.pid
        self._end_process()
        self._record.failing = False
        self._start_process()
        self._record.note(
            f"restarted: process {before} ended, {self._record.pid} serves release {self._record.release}"
        )
        return {"was": before, "now": self._record.pid}

    def to_release(self, release: int) -> dict[str, Any]:
        before = self._record.release
        if release not in RELEASES:
            raise Refused(404, f"There is no release {release}: there are {', '.join(map(str, RELEASES))}.")
        if release != before:
            self._end_process()
            self._record.release, self._record.failing = release, False
            self._start_process()
            self._record.note(f"release {before} replaced by {release}")
        return {"was": before, "now": release}

    def grant(self, user: str, seconds: float | None) -> dict[str, Any]:
        if not _USER.fullmatch(user):
            raise Refused(422, "A user is named with letters, digits, dots, dashes and underscores.")
        if seconds is not None and not 0 < seconds <= LONGEST_GRANT_SECONDS:
            raise Refused(422, f"An admin is one for {LONGEST_GRANT_SECONDS} seconds at most.")
        until = None if seconds is None else instant(seconds)
        self._record.admins[user] = until
        self._record.note(f"{user} is admin " + ("until revoked" if until is None else f"until {until[11:19]} UTC"))
        return {"user": user, "until": until}

    def revoke(self, user: str) -> dict[str, Any]:
        """Take a grant back; succeeds where there is none."""
        if self._record.admins.pop(user, _NOBODY) is not _NOBODY:
            self._record.note(f"{user} is no admin any more")
        return {"user": user}

    def fail(self) -> dict[str, Any]:
        """Make checkout fail until it is restarted or replaced, so that there is something to do."""
        self._record.failing = True
        self._record.note("checkout began to fail")
        return {"health": "failing"}

    def _start_process(self) -> None:
        self._record.started_at = instant()
        self._record.save()
        file = Path(__file__).with_name("checkout.py")
        socket_number = self._listener.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own file, by our own Python
            [sys.executable, "-I", str(file), str(socket_number), str(self._record.file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[socket_number],
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
        if not self._process.stdout.readline():
            self._end_process()
            raise RuntimeError("the checkout process ended before it was ready")
        self._record.pid = self._process.pid
        self._record.save()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()

    def _look_after(self) -> None:
        """Start the process again when somebody killed it, and end admins in time."""
        while not self._ending.wait(LOOK_SECONDS):
            with self._lock:
                if self._process is not None and self._process.poll() is not None:
                    self._record.note(f"process {self._record.pid} died")
                    self.restart()
                    self._record.save()
                if self._record.drop_expired():
                    self._record.save()


_NOBODY = object()
