"""The sources for Prometheus, Alertmanager and status pages pass the published suite.

Here the far side is told what to say, so that it can also say what the real ones never would.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from jitbot.errors import FactUnavailable
from jitbot.facts.alertmanager import AlertmanagerFiring, AlertmanagerSilenced
from jitbot.facts.prometheus import PrometheusQuery
from jitbot.facts.registry import kind_of
from jitbot.facts.statuspage import StatuspageStatus
from jitbot.model import FactKind
from jitbot.testing import FarSide, HttpSourceContract

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
BEARER = {"Authorization": {"secret": "monitoring", "prefix": "Bearer "}}


class _WithToken(HttpSourceContract):
    secrets: ClassVar = {"monitoring": "s3cret-of-monitoring"}

    @pytest.fixture
    def told_address(self, far: FarSide) -> Mapping[str, Any]:
        far.demand("Authorization", "Bearer s3cret-of-monitoring")
        return {"url": f"{far.url}/mon/", "headers": BEARER}


class TestPrometheus(_WithToken):
    @pytest.fixture
    def make(self) -> Any:
        return lambda site: PrometheusQuery(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide, told_address: Mapping[str, Any]) -> Mapping[str, Any]:
        far.say("/mon/api/v1/query", vector("7.5"), query={"query": 'errors{service="api"}', "timeout": "3s"})
        return {**told_address, "query": "errors{service=$service}", "with": {"service": "api"}}

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**arguments, "query": ""},
            {**arguments, "with": {}},
            {**arguments, "with": {"service": "api", "more": 1}},
            {**arguments, "with": {"service": True}},
            {**arguments, "as": "text"},
            {**arguments, "as": "boolean", "empty": 7},
        ]

    @pytest.fixture
    def expected(self) -> float:
        return 7.5

    @pytest.mark.parametrize(
        "answer",
        [
            {"status": "error", "errorType": "timeout", "error": "query timed out"},
            {"status": "success"},
            {"status": "success", "data": {"resultType": "vector"}},
            {"status": "success", "data": {"resultType": "vector", "result": [3]}},
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}},
            {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, 2]}]}},
            {"status": "success", "data": {"resultType": "scalar", "result": ["7"]}},
            {"status": "success", "data": {"resultType": "string", "result": [1, "7"]}},
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            {"status": "success", "warnings": ["some store is down"], "data": {"resultType": "vector", "result": []}},
        ],
    )
    def test_what_is_no_whole_answer_is_unread_though_empty_has_a_value(
        self, source: Any, arguments: Any, far: FarSide, answer: Any
    ) -> None:
        far.say("/mon/api/v1/query", answer, query={"query": "x", "timeout": "3s"})
        told = source.Arguments.model_validate({**arguments, "query": "x", "with": {}, "empty": 0})
        with pytest.raises(FactUnavailable):
            source.read(told, NOW)

    def test_its_kind_is_that_of_as(self, source: Any, arguments: Any) -> None:
        assert kind_of(source, arguments) is FactKind.NUMBER
        assert kind_of(source, {**arguments, "as": "boolean"}) is FactKind.BOOLEAN
        assert kind_of(source, {**arguments, "with": {}, "as": "integer"}) is FactKind.INTEGER


def vector(value: str) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}}


def alert(**labels: str) -> dict[str, Any]:
    return {"labels": labels, "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}}


class TestFiring(_WithToken):
    plausible: ClassVar = ["an empty list"]

    @pytest.fixture
    def make(self) -> Any:
        return lambda site: AlertmanagerFiring(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide, told_address: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = {"active": "true", "silenced": "false", "inhibited": "false", "filter": 'service="api"'}
        far.say("/mon/api/v2/alerts", [alert(alertname="A", service="api"), alert(service="api")], query=asked)
        return {**told_address, "match": {"service": "api"}}

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        wrong = [{"service": ""}, {"not a label": "x"}, {"service": ["a", ""]}, {"service": "a\nb"}]
        return [*({**arguments, "match": each} for each in wrong), {**arguments, "as": "number"}]

    @pytest.fixture
    def expected(self) -> int:
        return 2

    @pytest.mark.parametrize(
        "stranger",
        [
            alert(alertname="B", service="web"),
            {"labels": {"service": "api"}, "status": {"silencedBy": ["x"]}},
            {"labels": {"service": "api"}, "status": {"inhibitedBy": ["x"]}},
            {"labels": {"service": "api"}},
            {"status": {}},
        ],
    )
    def test_an_answer_with_strangers_in_it_is_not_believed(
        self, source: Any, arguments: Any, far: FarSide, stranger: Any
    ) -> None:
        far.say("/mon/api/v2/alerts", [stranger], query={"filter": 'service="b"'})
        with pytest.raises(FactUnavailable):
            source.read(source.Arguments.model_validate({**arguments, "match": {"service": "b"}}), NOW)

    def test_its_kind_is_that_of_as(self, source: Any, arguments: Any) -> None:
        assert kind_of(source, arguments) is FactKind.INTEGER
        assert kind_of(source, {**arguments, "as": "texts"}) is FactKind.TEXTS


def silence(*matchers: Any, state: str = "active") -> dict[str, Any]:
    return {"status": {"state": state}, "matchers": list(matchers), "endsAt": "2026-11-25T12:00:00.000Z"}


IS_API = {"name": "service", "value": "api", "isRegex": False, "isEqual": True}


class TestSilenced(_WithToken):
    plausible: ClassVar = ["an empty list"]

    @pytest.fixture
    def make(self) -> Any:
        return lambda site: AlertmanagerSilenced(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide, told_address: Mapping[str, Any]) -> Mapping[str, Any]:
        far.say("/mon/api/v2/silences", [silence(IS_API)])
        return {**told_address, "labels": {"service": "api"}, "as": "instant"}

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [{**arguments, "labels": {}}, {**arguments, "labels": {"service": ""}}, {**arguments, "as": "integer"}]

    @pytest.fixture
    def expected(self) -> datetime:
        return datetime(2026, 11, 25, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        "told",
        [
            silence(),
            silence({"name": "service"}),
            silence({**IS_API, "value": "(", "isRegex": True}),
            silence({**IS_API, "value": 3, "isRegex": True}),
            silence("service=api"),
            {**silence(IS_API), "endsAt": "soon"},
            {**silence(IS_API), "status": {}},
            {**silence(IS_API), "status": "active"},
            {**silence(IS_API), "matchers": None},
        ],
    )
    def test_a_silence_that_cannot_be_read_is_neither_there_nor_not(
        self, source: Any, arguments: Any, far: FarSide, told: Any
    ) -> None:
        far.say("/mon/own/api/v2/silences", [told])
        own = {**arguments, "url": f"{far.url}/mon/own"}
        with pytest.raises(FactUnavailable):
            source.read(source.Arguments.model_validate({**own, "as": "boolean"}), NOW)

    def test_only_active_silences_count(self, source: Any, arguments: Any, far: FarSide) -> None:
        over = [silence(IS_API, state="expired"), silence(IS_API, state="pending")]
        far.say("/mon/own/api/v2/silences", over)
        own = {**arguments, "url": f"{far.url}/mon/own"}
        assert source.read(source.Arguments.model_validate({**own, "as": "boolean"}), NOW) is False

    def test_its_kind_is_that_of_as(self, source: Any, arguments: Any) -> None:
        assert kind_of(source, arguments) is FactKind.INSTANT
        assert kind_of(source, {**arguments, "as": "duration"}) is FactKind.DURATION


SUMMARY = {
    "page": {"id": "kctbh9vrtdwd", "name": "Acme", "url": "https://status.acme.example"},
    "status": {"indicator": "minor", "description": "Partially Degraded Service"},
    "components": [
        {"id": "b13yz5g2cw10", "name": "API", "status": "partial_outage", "group": False},
        {"id": "9397cnvk62zn", "name": "Portal", "status": "operational", "group": True},
        {"id": "4m8g3vkpnchd", "name": "Portal", "status": "operational", "group": False},
    ],
    "incidents": [
        {"id": "cp306tmzcl0y", "name": "Unplanned outage", "status": "identified", "impact": "critical"},
        {"id": "2z5g29qrrxvb", "name": "Slow logins", "status": "monitoring", "impact": "none"},
        {"id": "jdy3tw5mt5r5", "name": "Old", "status": "postmortem", "impact": "none"},
    ],
    "scheduled_maintenances": [],
}


class TestStatuspage(_WithToken):
    @pytest.fixture
    def make(self) -> Any:
        return lambda site: StatuspageStatus(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide, told_address: Mapping[str, Any]) -> Mapping[str, Any]:
        far.say("/mon/api/v2/summary.json", SUMMARY)
        return told_address

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [{**arguments, "of": "component"}, {**arguments, "component": "API"}, {**arguments, "of": "page"}]

    @pytest.fixture
    def expected(self) -> str:
        return "minor"

    @pytest.mark.parametrize(
        ("more", "value", "kind"),
        [
            ({"of": "incidents"}, 2, FactKind.INTEGER),
            ({"of": "component", "component": "API"}, "partial_outage", FactKind.TEXT),
            ({"of": "component", "component": "4m8g3vkpnchd"}, "operational", FactKind.TEXT),
            ({"of": "indicator"}, "minor", FactKind.TEXT),
        ],
    )
    def test_each_part_of_a_page_is_read(
        self, source: Any, arguments: Any, more: Any, value: Any, kind: FactKind
    ) -> None:
        assert source.read(source.Arguments.model_validate({**arguments, **more}), NOW) == value
        assert kind_of(source, {**arguments, **more}) is kind

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"of": "component", "component": "Portal"}, "2 components of that name"),
            ({"of": "component", "component": "Lost"}, "no components of that name"),
        ],
    )
    def test_a_component_is_one_or_unread(self, source: Any, arguments: Any, more: Any, words: str) -> None:
        with pytest.raises(FactUnavailable, match=words):
            source.read(source.Arguments.model_validate({**arguments, **more}), NOW)

    @pytest.mark.parametrize(
        "page",
        [
            {"status": {"indicator": "fine"}, "incidents": [{"status": "whatever"}]},
            {"status": {"indicator": None}, "incidents": {"id": "x"}},
            {"status": "none", "incidents": [3]},
            {},
        ],
    )
    def test_a_page_of_another_kind_is_unread(self, source: Any, arguments: Any, far: FarSide, page: Any) -> None:
        far.say("/mon/other/api/v2/summary.json", page)
        for part in ("indicator", "incidents"):
            told = source.Arguments.model_validate({**arguments, "url": f"{far.url}/mon/other", "of": part})
            with pytest.raises(FactUnavailable, match="not that of a status page"):
                source.read(told, NOW)
