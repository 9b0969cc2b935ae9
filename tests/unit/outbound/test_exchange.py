import httpx2
import pytest

from jitbot.outbound.exchange import _Wire


def test_nothing_is_sent_over_a_connection_that_came_too_late() -> None:
    wire = _Wire(seconds=0)
    wire._cut()
    with pytest.raises(httpx2.ConnectTimeout):
        wire.trace("http11.send_request_headers.started", {})
    assert not wire.sent
