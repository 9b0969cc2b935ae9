"""Syslog, in the form of RFC 5424: over TCP (RFC 6587, lengths before messages), UDP, or this machine's own socket.

No syslog acknowledges. Over TCP a head counts as arrived when the other side has read to the end and closed; over UDP
and the socket, when it has left. A sink that has to be certain is `http` or `s3`.
"""

import os
import socket
from typing import Annotated, Literal

from pydantic import Field, model_validator

from jitbot.audit import Head
from jitbot.errors import SinkUnavailable
from jitbot.outbound.secrets.section import FullPath, Strict

SECONDS = 5.0
PRIORITY = 13 * 8 + 5
"""Facility 13 (log audit), severity 5 (notice): https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1"""
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}\z")]


class SyslogPlace(Strict):
    """What the operator's file says: a host, or a socket of this machine such as /dev/log."""

    kind: Literal["syslog"]
    host: Host | None = None
    port: int = Field(514, ge=1, le=65_535)
    protocol: Literal["tcp", "udp"] = "tcp"
    socket: FullPath | None = None

    @model_validator(mode="after")
    def _one(self) -> "SyslogPlace":
        if (self.host is None) == (self.socket is None):
            raise ValueError("needs either `host` or `socket`")
        return self


class SyslogSink:
    """Implements `ports.Sink`."""

    def __init__(self, name: str, place: SyslogPlace) -> None:
        self.name = name
        self._place = place

    def put(self, head: Head) -> None:
        message = self._message(head)
        try:
            if self._place.socket is not None:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
                    opened.settimeout(SECONDS)
                    opened.sendto(message, str(self._place.socket))
            elif self._place.protocol == "udp":
                self._datagram(message)
            else:
                self._stream(message)
        except OSError as error:
            raise SinkUnavailable(f"syslog does not take it ({error.strerror or type(error).__name__})") from error

    def _datagram(self, message: bytes) -> None:
        found = socket.getaddrinfo(self._place.host, self._place.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as opened:
            opened.settimeout(SECONDS)
            opened.connect(address)
            opened.send(message)

    def _stream(self, message: bytes) -> None:
        with socket.create_connection((self._place.host, self._place.port), SECONDS) as opened:
            opened.settimeout(SECONDS)
            opened.sendall(f"{len(message)} ".encode() + message)
            opened.shutdown(socket.SHUT_WR)
            while opened.recv(4096):  # until the other side has read all of it and closes too
                pass

    def _message(self, head: Head) -> bytes:
        """Write it as RFC 5424 says, without structured data."""
        host = socket.gethostname()[:255] or "-"
        instant = head.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return f"<{PRIORITY}>1 {instant} {host} jitbot {os.getpid()} head - {head.line()}".encode()
