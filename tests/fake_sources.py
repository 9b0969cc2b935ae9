"""A source of facts for tests: it answers what it is told to, is slow, or is down."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jitbot.errors import FactUnavailable, InvalidInput
from jitbot.facts.guard import GuardedSource
from jitbot.facts.registry import implied_arguments, kind_of, literal_arguments
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import FactSource


class FakeArguments(BaseModel):
    """What the fake source takes: which value, of which kind, and whatever else a test wants to see filled in."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern="^[A-Za-z0-9@._-]+$")
    kind: FactKind = Field(FactKind.INTEGER, alias="as")
    about: str = ""
    query: str = Field("", json_schema_extra={"literal": True})


class FakeSource:
    """Implements `ports.FactSource`; a value that nobody set is not known. `on_read` is called first."""

    Arguments = FakeArguments
    keep = timedelta(seconds=30)

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.down = False
        self.seen: list[FakeArguments] = []
        self.on_read: Callable[[FakeArguments], None] = lambda arguments: None
        self._turn = threading.Lock()

    def kind(self, arguments: BaseModel) -> FactKind:
        assert isinstance(arguments, FakeArguments)
        return arguments.kind

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        assert isinstance(arguments, FakeArguments)
        with self._turn:
            self.seen.append(arguments)
        self.on_read(arguments)
        if self.down or arguments.name not in self.values:
            raise FactUnavailable("it does not answer")
        return self.values[arguments.name]


class FakeSources:
    """Implements `ports.Sources` with the fake source, called `fake`, and others; `gone` when none is installed."""

    def __init__(self, source: FakeSource, **others: FactSource) -> None:
        self.gone = False
        self._sources = {
            name: GuardedSource(name, each, EnvironmentSite(())) for name, each in {"fake": source, **others}.items()
        }

    def add(self, name: str, source: FactSource, site: EnvironmentSite) -> None:
        """Install one more, as it is."""
        self._sources[name] = GuardedSource(name, source, site)

    def names(self) -> Sequence[str]:
        return () if self.gone else tuple(sorted(self._sources))

    def source(self, name: str) -> FactSource:
        if name not in self.names():
            raise KeyError(name)
        return self._sources[name]

    def kind(self, name: str, values: Mapping[str, Any]) -> FactKind:
        return kind_of(self.source(name), values)

    def literal(self, name: str) -> frozenset[str]:
        return literal_arguments(self.source(name).Arguments)

    def implied(self, name: str) -> Mapping[str, str]:
        return implied_arguments(self.source(name).Arguments)

    def arguments(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        try:
            return self.source(name).Arguments.model_validate(dict(values))
        except ValidationError as error:
            fields = {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
            raise InvalidInput("; ".join(fields.values()), fields) from error
