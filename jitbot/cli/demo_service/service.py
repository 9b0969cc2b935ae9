"""Starts and stops the little service as one thing."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from jitbot.cli.demo_service.control import ControlServer
from jitbot.cli.demo_service.supervisor import Supervisor


class DemoService:
    """Checkout and its supervisor, for as long as the `with` block lasts.

    `port` is the page's, `control_port` the supervisor's; 0 takes a free one. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None = None, port: int = 0, control_port: int = 0) -> None:
        self._folder = folder
        self._ports = (port, control_port)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = self._folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jitbot-demo-")))
            folder.mkdir(parents=True, exist_ok=True)
            self._supervisor = Supervisor(folder, self._ports[0])
            stack.callback(self._supervisor.stop)
            self._control = ControlServer(self._supervisor, self._ports[1])
            stack.callback(self._control.server_close)
            self._supervisor.start()
            thread = Thread(target=self._control.serve_forever, args=(0.05,), name="demo-control", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(self._control.shutdown)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The page of the checkout process."""
        return f"http://127.0.0.1:{self._supervisor.port}"

    @property
    def control_host(self) -> str:
        """The supervisor as `host:port`, to be among the hosts that runners may talk to."""
        return f"127.0.0.1:{self._control.port}"

    @property
    def control_url(self) -> str:
        """The supervisor: the variable `DEMO_SERVICE_URL` for `ctl`, and where the http runner goes."""
        return f"http://{self.control_host}"

    def state(self) -> dict[str, Any]:
        return self._supervisor.state()
