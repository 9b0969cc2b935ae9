"""The reference: a Bolt app over Socket Mode whose listeners acknowledge and do nothing else.

Everything is as Bolt ships it. Run as `python -m benchmarks.bare` with the variables that jitbot takes too.
"""

import os
import re
import signal
import threading

from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient


def build(token: str, api_url: str) -> App:
    """Return the app: one listener for every button, one for the command."""
    app = App(client=WebClient(token, base_url=api_url))

    @app.action(re.compile(".*"))
    def clicked(ack: Ack) -> None:
        ack()

    @app.command("/jit")
    def typed(ack: Ack) -> None:
        ack()

    return app


def main() -> None:
    """Serve until SIGTERM."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    app = build(os.environ["SLACK_BOT_TOKEN"], os.environ["SLACK_API_URL"])
    handler = SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
    handler.connect()  # type: ignore[no-untyped-call]  # Bolt's own
    print("connected", flush=True)
    told.wait()
    handler.close()  # type: ignore[no-untyped-call]  # Bolt's own


if __name__ == "__main__":
    main()
