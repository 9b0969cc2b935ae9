"""Known values stay hidden for as long as the process lives; what is written to the log passes the same way."""

import io
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jitbot.outbound.redaction.logs import redact_logs
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.redaction.redactor import Redactor

CANARY = "canary of the coal mine"
"""No pattern knows it: only its value gives it away."""
TOKEN = "ghp_" + "a1B2" * 9


def test_an_older_value_stays_hidden_beside_the_newer_one() -> None:
    redactor = Redactor()
    redactor.hide("first value")
    redactor.hide("second value")
    assert redactor.redact("first value, second value") == f"{HIDDEN}, {HIDDEN}"


def test_a_value_that_holds_another_is_hidden_whole() -> None:
    redactor = Redactor()
    redactor.hide("sesame")
    redactor.hide("open sesame!")
    assert redactor.redact("say open sesame!") == f"say {HIDDEN}"


def test_what_is_too_short_to_be_told_from_text_is_not_hidden() -> None:
    redactor = Redactor()
    redactor.hide("abc")
    assert redactor.redact("abcdef") == "abcdef"


@example("half a character: \ud800", "")
@example("of the environment: \udc80", "")
@given(st.text(st.characters(exclude_categories=()), min_size=6, max_size=60), st.text(max_size=20))
def test_whatever_a_secret_is_made_of_it_is_hidden(secret: str, before: str) -> None:
    redactor = Redactor()
    redactor.hide(secret)
    assert secret not in redactor.redact(f"{before}{secret} after")


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    hooks = sys.excepthook, threading.excepthook
    written, redactor = io.StringIO(), Redactor()
    redactor.hide(CANARY)
    logger, handler = logging.getLogger("tests.redaction"), logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    redact_logs([handler], redactor.redact)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield logger, written
    finally:
        logger.removeHandler(handler)
        sys.excepthook, threading.excepthook = hooks


def test_the_log_holds_no_secret_in_messages_and_arguments(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.warning("it said %s and %r", CANARY, {"k": TOKEN})
    assert written.getvalue() == f"WARNING tests.redaction: it said {HIDDEN} and {{'k': '{HIDDEN}'}}\n"


def test_nor_in_tracebacks_and_what_they_were_raised_from(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    with pytest.raises(ValueError, match="ghp_") as caught:
        raise ValueError(TOKEN) from KeyError(CANARY)
    logger.error("it broke", exc_info=caught.value)
    said = written.getvalue()
    assert "Traceback" in said
    assert said.count(HIDDEN) >= 2
    assert CANARY not in said
    assert TOKEN not in said


def test_nor_in_what_a_crash_leaves(log: tuple[logging.Logger, io.StringIO], capfd: pytest.CaptureFixture[str]) -> None:
    handler = log[0].handlers[0]
    crashes = logging.getLogger("jitbot.outbound.redaction.logs")
    crashes.addHandler(handler)
    crashes.propagate = False
    try:
        thread = threading.Thread(target=lambda: {}[CANARY])
        thread.start()
        thread.join()
        error = KeyError(TOKEN)
        sys.excepthook(KeyError, error, None)
    finally:
        crashes.removeHandler(handler)
        crashes.propagate = True
    said = log[1].getvalue() + "".join(capfd.readouterr())
    assert said.count("KeyError") == 2
    assert CANARY not in said
    assert TOKEN not in said
