"""The sources of attributes and rotas keep the published contract."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from jitbot.facts.http_attributes import HttpAttributes
from jitbot.facts.rota import Rota
from jitbot.facts.scim import ScimUsers
from jitbot.testing import FactSourceContract, HttpSourceContract
from jitbot.testing.facts import Make
from jitbot.testing.far_side import FarSide


class TestRota(FactSourceContract):
    @pytest.fixture
    def make(self) -> Make:
        return Rota

    @pytest.fixture
    def arguments(self) -> Mapping[str, Any]:
        return {"people": ["U0ANN", "bo@acme.example"], "starts": "2026-11-16", "zone": "Europe/Berlin"}

    @pytest.fixture
    def broken_arguments(self) -> Sequence[Mapping[str, Any]]:
        return [{}, {"people": ["ann"], "starts": "2026-11-16"}, {"people": ["U0ANN"], "starts": "16.11.2026"}]

    @pytest.fixture
    def expected(self) -> frozenset[str]:
        return frozenset({"bo@acme.example"})


class TestScimUsers(HttpSourceContract):
    secrets: ClassVar[Mapping[str, str]] = {"scim": "hunter2-hunter2"}

    @pytest.fixture
    def make(self) -> Make:
        return ScimUsers

    @pytest.fixture
    def arguments(self, far: FarSide) -> Mapping[str, Any]:
        bo = {"userName": "bo@acme.example", "title": "dba", "active": True}
        cy = {"userName": "cy@acme.example", "title": "sre", "active": True}
        far.demand("authorization", "Bearer hunter2-hunter2")
        far.say("/scim/v2/Users", {"totalResults": 2, "Resources": [bo]}, query={"startIndex": "1"})
        far.say("/scim/v2/Users", {"totalResults": 2, "Resources": [cy]}, query={"startIndex": "2"})
        return {"url": f"{far.url}/scim/v2", "attributes": {"role": "/title"}}

    @pytest.fixture
    def broken_arguments(self) -> Sequence[Mapping[str, Any]]:
        return [{}, {"url": "https://idp.example"}, {"url": "idp.example", "attributes": {"role": "/title"}}]

    @pytest.fixture
    def expected(self) -> dict[str, Any]:
        return {"bo@acme.example": {"role": "dba"}, "cy@acme.example": {"role": "sre"}}


class TestHttpAttributes(HttpSourceContract):
    secrets: ClassVar[Mapping[str, str]] = {"people": "hunter2-hunter2"}

    @pytest.fixture
    def make(self) -> Make:
        return HttpAttributes

    @pytest.fixture
    def arguments(self, far: FarSide) -> Mapping[str, Any]:
        far.demand("authorization", "Bearer hunter2-hunter2")
        far.say("/people", {"data": [{"id": "U0BO", "skills": ["postgres"]}]})
        return {
            "url": f"{far.url}/people",
            "secret": "people",
            "people": "/data",
            "person": "/id",
            "attributes": {"skills": "/skills"},
        }

    @pytest.fixture
    def broken_arguments(self) -> Sequence[Mapping[str, Any]]:
        return [{}, {"url": "https://x.example"}, {"url": "https://x.example", "attributes": {"skills": "skills"}}]

    @pytest.fixture
    def expected(self) -> dict[str, Any]:
        return {"U0BO": {"skills": ["postgres"]}}
