"""Which sources of facts there are: plugins of the group `jitbot.facts`, each inside a guard."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from jitbot.errors import InvalidInput
from jitbot.facts.guard import GuardedSource
from jitbot.model import FactKind
from jitbot.outbound.plugins import Plugins, demand, lacks_model
from jitbot.outbound.site import RedactingSite
from jitbot.ports import FactSource

GROUP = "jitbot.facts"


class FactRegistry:
    """The sources. Nothing is imported before it is asked for, and nothing that is not allowed."""

    def __init__(
        self, allowed: Sequence[str], site: RedactingSite, own: Mapping[str, FactSource] = MappingProxyType({})
    ) -> None:
        """Find the allowed ones; `own` are those that need more than a site, and are no plugins."""
        self._site = site
        self._own = {name: GuardedSource(name, source, site) for name, source in own.items() if name in allowed}
        others = [name for name in allowed if name not in own]
        self._plugins: Plugins[FactSource] = Plugins(GROUP, "source", others, site, self._guarded)

    def names(self) -> Sequence[str]:
        return tuple(sorted([*self._own, *self._plugins.names()]))

    def source(self, name: str) -> FactSource:
        return self._own[name] if name in self._own else self._plugins.load(name)

    def kind(self, name: str, values: Mapping[str, Any]) -> FactKind:
        return kind_of(self.source(name), values)

    def arguments(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        return self._plugins.validate(name, self.source(name).Arguments, values)

    def literal(self, name: str) -> frozenset[str]:
        return literal_arguments(self.source(name).Arguments)

    def implied(self, name: str) -> Mapping[str, str]:
        return implied_arguments(self.source(name).Arguments)

    def _guarded(self, name: str, source: Any) -> FactSource:
        demand(f"The source {name!r} ({type(source).__qualname__})", "source", _lacking(source), "FactSource")
        return GuardedSource(name, source, self._site)


def kind_of(source: FactSource, values: Mapping[str, Any]) -> FactKind:
    """Ask a source for its kind; arguments that it would not take yet are shown to it as they are."""
    try:
        arguments = source.Arguments.model_validate(dict(values))
    except ValidationError:
        arguments = source.Arguments.model_construct(**dict(values))
    try:
        kind = source.kind(arguments)
    except Exception as error:
        raise InvalidInput(f"{type(error).__name__}.") from error
    if kind not in set(FactKind):
        raise InvalidInput(f"{kind!r} is no kind of fact.")
    return FactKind(kind)


def literal_arguments(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that are marked `json_schema_extra={"literal": True}`, as policies write them."""
    return frozenset(name for name, marks in _marks(model).items() if marks.get("literal") is True)


def implied_arguments(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the fields that are marked `json_schema_extra={"place": NAME}`, with the template that fills them."""
    return {name: f"{{{marks['place']}}}" for name, marks in _marks(model).items() if "place" in marks}


def secret_arguments(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that are marked `json_schema_extra={"secret": True}`: each holds the name of a secret."""
    return frozenset(name for name, marks in _marks(model).items() if marks.get("secret") is True)


def _marks(model: type[BaseModel]) -> Mapping[str, Mapping[str, Any]]:
    extra = {field.alias or name: field.json_schema_extra for name, field in model.model_fields.items()}
    return {name: marks for name, marks in extra.items() if isinstance(marks, dict)}


def _lacking(source: object) -> list[str]:
    lacking = [name for name in ("kind", "read") if not callable(getattr(source, name, None))]
    lacking += [] if isinstance(getattr(source, "keep", None), timedelta) else ["keep (a timedelta)"]
    return lacking + lacks_model(source, "Arguments")
