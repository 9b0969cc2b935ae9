"""Which secrets policies name, and where: in `{secret: NAME}`, and in arguments that hold such a name."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from jitbot.facts.registry import secret_arguments
from jitbot.facts.trial import declared
from jitbot.model import Policy
from jitbot.policy.templates import names_in
from jitbot.ports import Sources


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """One name, where it stands, and what only a request fills in."""

    name: str
    places: tuple[str, ...]
    needs: tuple[str, ...] = ()


def secret_names(policy: Policy, sources: Sources) -> Sequence[NamedSecret]:
    """Return the secrets that policies name, by their names."""
    found: dict[str, list[str]] = defaultdict(list)
    for action in policy.actions.values():
        for name in _written(action.inputs):
            found[name].append(f"action {action.name}")
    for call in declared(policy):
        arguments = sources.source(call.source).Arguments
        for name in (*_written(call.arguments), *_arguments(arguments, call.arguments)):
            found[name].append(f"{call.source} for {call.name}")
    return [
        NamedSecret(name, tuple(dict.fromkeys(places)), tuple(sorted(names_in(name))))
        for name, places in sorted(found.items())
    ]


def _written(value: Any) -> Iterator[str]:
    """Yield the names in `{secret: NAME}`, however deep."""
    if isinstance(value, Mapping):
        if isinstance(value.get("secret"), str) and set(value) <= {"secret", "prefix"}:
            yield value["secret"]
        else:
            for item in value.values():
                yield from _written(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _written(item)


def _arguments(model: type[BaseModel], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names in arguments that are such a name and nothing else, where they are left out too."""
    for name in secret_arguments(model):
        default = next(field.default for key, field in model.model_fields.items() if (field.alias or key) == name)
        value = given.get(name, default)
        if isinstance(value, str):
            yield value
