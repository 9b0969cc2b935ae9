"""The bot, as it is served, writes no secret into its log: from its first line on."""

import io
import logging
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from jitbot import bot
from jitbot.errors import SettingsError
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.secrets.listed import Secrets
from jitbot.settings import Settings

CANARY = "canary of the coal mine"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Return what a handler of the root gets, and leave the process as it was."""
    root, stream = logging.getLogger(), io.StringIO()
    hooks = sys.excepthook, threading.excepthook
    signals = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    root.addHandler(handler := logging.StreamHandler(stream))
    formatters = {each: each.formatter for each in root.handlers}
    try:
        yield stream
    finally:
        for each, formatter in formatters.items():
            each.setFormatter(formatter)
        root.removeHandler(handler)
        sys.excepthook, threading.excepthook = hooks
        for number, action in signals.items():
            signal.signal(number, action)


def test_the_log_holds_none(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bot:
        """Speaks before it could know better."""

        def __init__(self, settings: Settings, secrets: Secrets) -> None:
            logging.getLogger("acme.library").warning("it answered %s", CANARY)
            raise SettingsError("no Slack here")

    monkeypatch.setenv("JITBOT_SECRET_DB", CANARY)
    monkeypatch.setattr(bot, "Bot", Bot)  # a whole bot needs a Slack, and nothing of it is looked at here
    with pytest.raises(SettingsError, match="no Slack here"):
        bot.serve(Settings())
    assert written.getvalue() == f"it answered {HIDDEN}\n"
