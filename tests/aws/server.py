"""AWS on loopback, in a process of its own: moto's server with what it lacks, with faults, and a list of all calls.

`python -m tests.aws.server PORT`. Below `/tests/` it is told what is to go wrong.
"""

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from tests.aws.lacking import KEPT, SCRIPT, put_in

Environ = dict[str, Any]
Begin = Callable[..., Any]

_XML = {
    "ec2": "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors></Response>",
    "": "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>",
}


class Faulty:
    """A WSGI application around another one."""

    def __init__(self, inner: Callable[[Environ, Begin], Iterable[bytes]]) -> None:
        self._inner = inner
        self._faults: list[dict[str, Any]] = []
        self._calls: list[tuple[str, str]] = []
        self._over = Event()

    def __call__(self, environ: Environ, begin: Begin) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/tests/"):
            return self._told(path.removeprefix("/tests/"), body, begin)
        if path.startswith("/moto-api"):
            return self._inner(environ, begin)
        service, operation = _called(environ, body)
        self._calls.append((f"{service}:{operation}", body.decode(errors="replace")))
        fault = next((each for each in self._faults if each["operation"] == operation), None)
        if fault is None:
            return self._inner(environ, begin)
        if fault.get("skip", 0):
            fault["skip"] -= 1
            return self._inner(environ, begin)
        self._faults.remove(fault)
        return self._fail(fault, service, environ, begin)

    def _told(self, what: str, body: bytes, begin: Begin) -> Iterable[bytes]:
        answer: Any = None
        if what == "forget":
            KEPT.forget()
            self._faults.clear()
            self._calls.clear()
            self._over.set()
            self._over = Event()
        elif what == "faults":
            self._faults.append(json.loads(body))
        elif what == "script":
            SCRIPT.update(json.loads(body))
        elif what == "followed":
            self._calls.append(("tests:followed", ""))
        elif what == "forget-calls":
            self._calls.clear()
        elif what == "calls":
            answer = self._calls
        begin("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _fail(self, fault: dict[str, Any], service: str, environ: Environ, begin: Begin) -> Iterable[bytes]:
        """Complain without doing it; or do it, and never say so: hang, or cut the line."""
        if "code" in fault:
            elsewhere = f"http://{environ['HTTP_HOST']}/tests/followed"
            begin(f"{fault.get('status', 400)} Fault", [("Content-Type", "text/xml"), ("Location", elsewhere)])
            return [_complaint(service, environ, fault["code"], fault.get("message", "by order of the test"))]
        if fault["what"] == "cut before":
            return _cut(environ)
        answer = list(self._inner(environ, lambda *_words: lambda _part: None))
        assert answer is not None
        if fault["what"] == "hang":
            self._over.wait(60)
        return _cut(environ)


def _cut(environ: Environ) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return []


def _called(environ: Environ, body: bytes) -> tuple[str, str]:
    """Return service and operation of a call, in AWS's words."""
    scope = re.search(r"Credential=[^/]*/[^/]*/[^/]*/([^/]*)/", environ.get("HTTP_AUTHORIZATION", ""))
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    service = scope[1] if scope else "unsigned"
    return service, target or next(iter(parse_qs(body.decode(errors="replace")).get("Action", [""])))


def _complaint(service: str, environ: Environ, code: str, message: str) -> bytes:
    if environ.get("HTTP_X_AMZ_TARGET"):
        return json.dumps({"__type": code, "message": message}).encode()
    return _XML.get(service, _XML[""]).format(code, message).encode()


def _end_with_whoever_began() -> None:
    """Wait until standard input ends, which it does however the tests do, and end too."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(port: int) -> None:
    put_in()
    Thread(target=_end_with_whoever_began, daemon=True).start()
    application = Faulty(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
