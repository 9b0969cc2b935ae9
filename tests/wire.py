"""A wire between a client and a real server, to be cut, mended, and held in the middle of an answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Target = tuple[str, int] | str
"""Where a server listens: host and port, or the path of a UNIX socket."""


class Wire:
    """Forwards every connection to `target`, which may be changed; `host` is where clients connect."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._marker = b""
        self._released = threading.Event()
        self._links: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    def down(self) -> None:
        """Refuse connections and end those that there are."""
        for link in (self._listener, *self._links):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._accepting.join()  # nobody may be let in by a listener that is closed only now
        self._listener.close()
        self._links.clear()

    def up(self) -> None:
        """Let clients in again."""
        self._listen(self.port)

    def hold(self, marker: bytes) -> None:
        """Let the server get what has this marker, and nobody its answer before `release`; all else goes its way."""
        self._marker = marker
        self._released.clear()

    def release(self) -> None:
        self._marker = b""
        self._released.set()

    def close(self) -> None:
        self.release()
        self.down()
        for thread in self._threads:
            thread.join()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,))
        self._accepting.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = self._reach()
                except OSError:
                    client.close()
                    continue
                self._links += [client, server]
                self._threads.append(threading.Thread(target=self._forward, args=(client, server)))
                self._threads[-1].start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        held = threading.Event()
        with client, server:
            answers = threading.Thread(target=self._pump, args=(server, client, held))
            answers.start()
            self._pump(client, server, held)
            answers.join()

    def _reach(self) -> socket.socket:
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server

    def _pump(self, source: socket.socket, sink: socket.socket, held: threading.Event) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                if self._marker and self._marker in part:
                    held.set()
                elif held.is_set():
                    self._released.wait()
                sink.sendall(part)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def wire(target: Target) -> Iterator[Wire]:
    """Lay a wire to a server."""
    laid = Wire(target)
    try:
        yield laid
    finally:
        laid.close()
