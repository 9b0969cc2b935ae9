"""A source that is one function: what it takes, what it comes to, and how it is read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from jitbot.model import FactKind
from jitbot.ports import Site

Told = TypeVar("Told", bound=BaseModel)
Read = Callable[[Told, Site, datetime], Any]


class PlainSource(Generic[Told]):
    """Implements `ports.FactSource` for whatever always comes to one kind."""

    keep = timedelta(seconds=30)

    def __init__(self, site: Site, arguments: type[Told], kind: FactKind, read: Read[Told]) -> None:
        self.Arguments: type[BaseModel] = arguments
        self._site = site
        self._kind = kind
        self._read = read

    def kind(self, arguments: BaseModel) -> FactKind:
        return self._kind

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        return self._read(cast(Told, arguments), self._site, at)
