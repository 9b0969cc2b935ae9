"""One exchange with HAProxy's runtime API: one line is sent, the answer is read to its end.

https://docs.haproxy.org/2.6/management.html#9.3
"""

import socket
import time

from jitbot.errors import NotGranted
from jitbot.outbound.paths import granted
from jitbot.ports import Site
from jitbot.runners.haproxy.inputs import ServerInputs

ANSWER_BYTES = 16 * 1024 * 1024
"""Some ten thousand servers; what is longer is no answer to what we ask."""


class NoWord(Exception):
    """HAProxy said nothing that could be used; the text says why."""


class Declined(NoWord):
    """HAProxy answered a command with a complaint: it did not do it."""


class NotSent(NoWord):
    """HAProxy was not reached: it knows nothing of this."""


class NoAnswer(NoWord):
    """A command was sent, at least in part, and no whole answer came back."""


class Link:
    """Where one HAProxy listens for commands."""

    def __init__(self, told: ServerInputs, site: Site) -> None:
        """Raises: NotGranted where the operator does not let jitbot talk to it."""
        self._path = str(granted(told.socket, site)) if told.socket else ""
        self._host, _, port = (told.host or "").rpartition(":")
        self._port = int(port or 0)
        if told.host and told.host not in site.hosts:
            raise NotGranted(f"jitbot may not talk to {told.host}: add it to JITBOT_HTTP_HOSTS, with its port.")
        if self._port > 65535:
            raise NotGranted(f"{told.host} has no port that exists.")

    def ask(self, line: str, seconds: float) -> str:
        """Send one line and return the answer without the blank lines around it. Raises: NotSent, NoAnswer."""
        until = time.monotonic() + seconds
        try:
            link = self._connect(seconds)
        except OSError as error:
            raise NotSent(f"HAProxy was not reached ({_words(error)}).") from error
        with link:
            try:
                link.sendall(f"{line}\n".encode("ascii"))
                return _read(link, until).decode(errors="replace").strip()
            except OSError as error:
                raise NoAnswer(f"HAProxy did not answer ({_words(error)}).") from error

    def _connect(self, seconds: float) -> socket.socket:
        if not self._path:
            return socket.create_connection((self._host.strip("[]"), self._port), timeout=seconds)
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(seconds)
            link.connect(self._path)
        except OSError:
            link.close()
            raise
        return link


def _read(link: socket.socket, until: float) -> bytes:
    """Read until HAProxy closes, which it does after one line. Raises: OSError."""
    answer = bytearray()
    while (left := until - time.monotonic()) > 0:
        link.settimeout(left)
        part = link.recv(65536)
        answer += part
        if not part:
            if not answer:
                raise OSError("it closed without a word: it may be at its limit of connections")
            return bytes(answer)
        if len(answer) > ANSWER_BYTES:
            raise OSError(f"the answer is longer than {ANSWER_BYTES} bytes")
    raise TimeoutError("timed out")


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
