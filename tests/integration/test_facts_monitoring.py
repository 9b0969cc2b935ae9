"""Facts from a real Prometheus and a real Alertmanager, as Debian ships them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import FactUnavailable
from jitbot.facts.alertmanager import AlertmanagerFiring, AlertmanagerSilenced
from jitbot.facts.prometheus import PrometheusQuery
from jitbot.outbound.site import EnvironmentSite
from tests.monitoring import Monitor, alertmanager, prometheus

pytestmark = pytest.mark.xdist_group("monitoring")


@pytest.fixture(scope="module")
def prom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    with prometheus(tmp_path_factory.mktemp("prometheus")) as monitor:
        yield monitor


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """Fire some alerts, of which one is silenced and one is inhibited."""
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as monitor:
        monitor.silence(
            {"name": "alertname", "value": "Slow"}, {"name": "service", "value": "api|web", "isRegex": True}
        )
        for name, service in [("HighErrorRate", "api"), ("Slow", "api"), ("DiskFull", "web"), ('Odd "one"', "api\\x")]:
            monitor.alert(alertname=name, service=service, env="prod")
        monitor.alert(alertname="DatacenterDown", service="dc")
        monitor.alert(alertname="Unreachable", service="api")
        monitor.wait_until_inhibited("Unreachable")
        yield monitor


def ask(monitor: Monitor, source: type[Any], **arguments: Any) -> Any:
    told = source.Arguments.model_validate({"url": monitor.url, **arguments})
    return source(EnvironmentSite([monitor.host], {})).read(told, datetime.now(UTC))


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"query": "sum(checkout_errors)"}, 9.0),
        ({"query": 'checkout_errors{service="api"}', "as": "integer"}, 7),
        ({"query": "checkout_errors{service=$service}", "with": {"service": 'odd "name"'}}, 2.0),
        ({"query": "sum(checkout_errors) > bool 5", "as": "boolean"}, True),
        ({"query": "sum(checkout_errors) > bool $limit", "with": {"limit": 50}, "as": "boolean"}, False),
        ({"query": "scalar(sum(checkout_errors))", "as": "integer"}, 9),
        ({"query": "90", "as": "duration"}, timedelta(seconds=90)),
        ({"query": "vector(86400)", "as": "instant"}, datetime(1970, 1, 2, tzinfo=UTC)),
        ({"query": 'sum(checkout_errors{service="lost"})', "empty": 0}, 0),
        ({"query": 'checkout_errors{service=$s}', "with": {"s": 'x"} or vector(0) #'}, "empty": 4}, 4),
    ],
)  # fmt: skip
def test_an_instant_query_is_read(prom: Monitor, arguments: dict[str, Any], value: Any) -> None:
    assert ask(prom, PrometheusQuery, **arguments) == value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"query": 'checkout_errors{service="lost"}'}, "matches no series"),
        ({"query": "checkout_errors"}, "matches 3 series, and one is needed"),
        ({"query": "checkout_errors[5m]"}, "neither a scalar nor a vector"),
        ({"query": "checkout_ratio"}, "which is no number"),
        ({"query": "1/0"}, "which is no number"),
        ({"query": "sum(checkout_errors)", "as": "boolean"}, "comes to 9, and only 0 and 1"),
        ({"query": "0.5", "as": "integer"}, "which is no integer"),
        ({"query": "sum(("}, "it answers 400"),
    ],
)
def test_what_is_no_single_value_is_unread(prom: Monitor, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(FactUnavailable, match=words):
        ask(prom, PrometheusQuery, **arguments)


def test_a_partial_answer_is_unread(tmp_path: Path) -> None:
    with prometheus(tmp_path / "prometheus", remote="http://127.0.0.1:1/read") as monitor:
        with pytest.raises(FactUnavailable, match="comes with warnings, so it may be only a part"):
            ask(monitor, PrometheusQuery, query="sum(checkout_errors)")
        monitor.kill()
        with pytest.raises(FactUnavailable, match="does not answer"):
            ask(monitor, PrometheusQuery, query="1")


@pytest.mark.parametrize(
    ("match", "names"),
    [
        ({"service": "api"}, ["HighErrorRate"]),
        ({"service": ["api", "web"]}, ["DiskFull", "HighErrorRate"]),
        ({"service": "api|web"}, []),
        ({"service": ["ap.", "w.b"]}, []),
        ({"alertname": 'Odd "one"', "service": "api\\x"}, ['Odd "one"']),
        ({"alertname": ['Odd "one"', "x"], "service": ["api\\x"]}, ['Odd "one"']),
        ({"alertname": "Unreachable"}, []),
        ({"alertname": "Slow"}, []),
        ({}, ["DatacenterDown", "DiskFull", "HighErrorRate", 'Odd "one"']),
    ],
)
def test_alerts_that_fire_are_counted_and_named(alerts: Monitor, match: dict[str, Any], names: list[str]) -> None:
    assert ask(alerts, AlertmanagerFiring, match=match) == len(names)
    assert ask(alerts, AlertmanagerFiring, match=match, **{"as": "texts"}) == names


@pytest.mark.parametrize(
    ("labels", "silent"),
    [
        ({"alertname": "Slow", "service": "web"}, True),
        ({"alertname": "Slow", "service": "webs"}, False),
        ({"alertname": "Slow"}, False),
        ({"alertname": "Other", "service": "web"}, False),
    ],
)
def test_a_silence_covers_what_alertmanager_would_silence(
    alerts: Monitor, labels: dict[str, str], silent: bool
) -> None:
    assert ask(alerts, AlertmanagerSilenced, labels=labels) is silent
    left = ask(alerts, AlertmanagerSilenced, labels=labels, **{"as": "duration"})
    assert (left > timedelta(hours=1)) is silent
    if not silent:
        with pytest.raises(FactUnavailable, match="no such silence"):
            ask(alerts, AlertmanagerSilenced, labels=labels, **{"as": "instant"})


def test_the_longest_silence_tells_until_when(alerts: Monitor) -> None:
    alerts.silence({"name": "service", "value": "mail"}, lasts=timedelta(hours=1))
    until = alerts.silence({"name": "service", "value": "mail"}, {"name": "env", "value": "dev", "isEqual": False})
    read = ask(alerts, AlertmanagerSilenced, labels={"service": "mail"}, **{"as": "instant"})
    assert abs(read - until) < timedelta(seconds=1)
    of_dev = ask(alerts, AlertmanagerSilenced, labels={"service": "mail", "env": "dev"}, **{"as": "instant"})
    assert of_dev < read - timedelta(minutes=59), "the longer one leaves dev out"
