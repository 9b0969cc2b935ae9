"""`http.json` passes the published suite, and reads what its path says and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from jitbot.errors import FactUnavailable
from jitbot.facts.http_json import HttpJson
from jitbot.facts.registry import kind_of
from jitbot.model import FactKind
from jitbot.testing import FarSide, HttpSourceContract, Reply

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
ITEMS = {
    "items": [
        {"id": "a", "state": "open", "severity": 1},
        {"id": "b", "state": "open", "severity": 3},
        {"id": "c", "state": "closed", "severity": 1},
    ],
    "total": 3,
    "ratio": 0.25,
    "frozen": False,
    "owner": {"name": "Ann", "since": "2026-11-01T09:00:00+01:00", "for": "1h30m"},
}


class TestHttpJson(HttpSourceContract):
    secrets: ClassVar = {"board": "s3cret-of-the-board"}

    @pytest.fixture
    def make(self) -> Any:
        return lambda site: HttpJson(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide) -> Mapping[str, Any]:
        far.say("/v1/teams/a%2Fb/items", ITEMS, query={"state": "open & new"})
        far.demand("Authorization", "Bearer s3cret-of-the-board")
        return {
            "url": f"{far.url}/v1/teams/",
            "path": ["a/b", "items"],
            "query": {"state": "open & new"},
            "headers": {"Authorization": {"secret": "board", "prefix": "Bearer "}},
            "value": "$.total",
            "as": "integer",
        }

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**arguments, "url": "file:///etc/passwd"},
            {**arguments, "url": "https://ann:secret@acme.example/"},
            {**arguments, "path": [".."]},
            {**arguments, "value": "total"},
            {**arguments, "as": "people"},
            {**arguments, "value": "$.items[?@.id == $id].severity"},
            {**arguments, "with": {"id": "b"}},
            {**arguments, "value": "$.items[?match(@.id, $id)].severity", "with": {"id": ".*"}},
            {**arguments, "value": "$.items[?@.id == '$id'].severity", "with": {"id": "b"}},
            {**arguments, "as": "boolean", "count": True},
            {**arguments, "missing": "none"},
            {**arguments, "headers": {"Host": "elsewhere"}},
            {key: value for key, value in arguments.items() if key != "as"},
        ]

    @pytest.fixture
    def expected(self) -> int:
        return 3

    @pytest.mark.parametrize(
        ("more", "value"),
        [
            ({"value": "$.ratio", "as": "number"}, 0.25),
            ({"value": "$.frozen", "as": "boolean"}, False),
            ({"value": "$.owner.name", "as": "text"}, "Ann"),
            ({"value": "$.owner.since", "as": "instant"}, datetime(2026, 11, 1, 8, tzinfo=UTC)),
            ({"value": "$.owner.for", "as": "duration"}, timedelta(hours=1, minutes=30)),
            ({"value": "$.items[?@.state == 'open'].id", "as": "texts"}, ["a", "b"]),
            ({"value": "$.items[0].id", "as": "texts"}, ["a"]),
            ({"value": "$.items[?@.state == 'open']", "as": None, "count": True}, 2),
            ({"value": "$.items[?@.state == 'lost']", "as": None, "count": True, "missing": 0}, 0),
            ({"value": "$.items[?@.state == 'lost'].id", "as": "text", "missing": "nobody"}, "nobody"),
            ({"value": "$.items[?@.id == $id].severity", "with": {"id": "b"}}, 3),
            ({"value": "$.items[?@.severity > $least].id", "with": {"least": 2}, "as": "texts"}, ["b"]),
            ({"value": "$.items[?@.id == $id]", "with": {"id": "b' || @.id != '"}, "count": True, "missing": 0}, 0),
            ({"value": "$.items[?@.id == $id]", "with": {"id": 'b" || "1" == "1'}, "count": True, "missing": 0}, 0),
            ({"value": "$.items[?match(@.id, '[ab]') && @.severity > 2].id", "as": "text"}, "b"),
        ],
    )
    def test_a_path_is_read_as_it_says(self, source: Any, arguments: Any, more: Any, value: Any) -> None:
        told = source.Arguments.model_validate({**arguments, **more})
        assert source.read(told, NOW) == value

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"value": "$.nothing"}, r"has nothing at \$\.nothing"),
            ({"value": "$.items[?@.state == 'lost']", "as": None, "count": True}, "has nothing at"),
            ({"value": "$.items[*].severity"}, "has 3 values at .*, and one is needed"),
            ({"value": "$.owner.name"}, "a text of 3 characters, which is no integer"),
            ({"value": "$.frozen"}, "has false, which is no integer"),
            ({"needs": "$.page"}, r"has nothing at \$\.page, so it is not believed"),
            ({"needs": "$.page", "value": "$.lost", "missing": 0}, "so it is not believed"),
        ],
    )
    def test_what_does_not_fit_is_unread(self, source: Any, arguments: Any, more: Any, words: str) -> None:
        told = source.Arguments.model_validate({**arguments, **more})
        with pytest.raises(FactUnavailable, match=words):
            source.read(told, NOW)

    def test_what_is_missing_is_only_ever_what_the_policy_says(self, source: Any, arguments: Any, far: FarSide) -> None:
        told = source.Arguments.model_validate({**arguments, "missing": 0})
        far.spoil(Reply(200, b"{}"))
        assert source.read(told, NOW) == 0
        far.spoil(Reply(503, b"{}"))
        with pytest.raises(FactUnavailable, match="503"):
            source.read(told, NOW)

    def test_its_kind_is_that_of_as_and_count(self, source: Any, arguments: Any) -> None:
        assert kind_of(source, {**arguments, "as": "texts"}) is FactKind.TEXTS
        counted = {key: value for key, value in arguments.items() if key != "as"}
        assert kind_of(source, {**counted, "count": True}) is FactKind.INTEGER
        assert kind_of(source, {**arguments, "as": "texts", "query": {"n": ["not", "valid"]}}) is FactKind.TEXTS

    def test_a_fault_in_a_path_is_told_in_one_line(self, source: Any, arguments: Any) -> None:
        with pytest.raises(ValidationError, match="is no JSONPath") as caught:
            source.Arguments.model_validate({**arguments, "value": "$.items["})
        assert "\n" not in caught.value.errors()[0]["msg"]
