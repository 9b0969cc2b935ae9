"""Turns what pydantic says about a policy file into sentences, each with its place in the file."""

from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown, written

_KINDS = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "model_attributes_type": "a mapping (`key: value` lines)",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "this must be {} or more"),
    "less_than_equal": ("le", "this must be {} or less"),
    "string_too_long": ("max_length", "this is too long; {} characters are the most"),
    "too_long": ("max_length", "these are too many; {} are the most"),
    "too_short": ("min_length", "this is empty; at least {} is needed"),
}


Model = TypeVar("Model", bound=BaseModel)


def check(model: type[Model], document: Document, path: Path, issues: Issues) -> Model | None:
    """Validate what stands at a path; None when `issues` got what is wrong with it."""
    try:
        return model.model_validate(document.get(path))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place, message = _sentence(model, document, path, detail)
            issues.add(place, message)
        return None


def _sentence(model: type[BaseModel], document: Document, root: Path, error: ErrorDetails) -> tuple[Place, str]:
    path = _real(document, root, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return document.key(path), _unknown_key(model, path, len(root))
    if kind == "missing":
        where = f" in `{path[-1]}`" if path and isinstance(path[-1], str) else ""
        return document.key(path), f"`{error['loc'][-1]}` is missing{where}."
    if kind == "literal_error":
        return document.at(path), _not_among(error["input"], context["expected"])
    if kind == "wrong":
        return document.at(path), str(error["msg"])
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return document.at(path), words.format(context[name]) + "."
    return document.at(path), _wrong_kind(error)


def _real(document: Document, root: Path, location: tuple[str | int, ...]) -> Path:
    """Turn pydantic's location into a path of the file: without its own tags, and only as far as the file goes."""
    value, path = document.get(root), root
    for step in location:
        there = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if there:
            value, path = value[step], (*path, step)
    return path


def _unknown_key(model: type[BaseModel], path: Path, depth: int) -> str:
    allowed = _keys_at(model, path[depth:-1])
    key = str(path[-1])
    return f"{shown(key)} is not a key here.{did_you_mean(key, allowed)} Allowed: {listed(allowed, 'and', 99)}."


def _not_among(value: Any, expected: str) -> str:
    allowed = [word.strip("'") for word in expected.replace(" or ", ", ").replace("True", "true").split(", ")]
    return f"this can be {listed(allowed)}, not {written(value)}.{did_you_mean(str(value), allowed)}"


def _wrong_kind(error: ErrorDetails) -> str:
    kind = _KINDS.get(error["type"])
    if kind is None:
        return f"{error['msg']}."
    if kind == "text" and not isinstance(error["input"], list | dict):
        return f"this must be text, not {written(error['input'])}; put it in quotes."
    return f"this must be {kind}, not {written(error['input'])}."


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that the schema knows at a path below the model's own."""
    whole = _json_schema(model)
    here = _branches(whole, [whole])
    for step in path:
        here = _branches(whole, [_step(node, step) for node in here])
    return list(dict.fromkeys(key for node in here for key in node.get("properties", ())))


def _step(node: dict[str, Any], step: str | int) -> Any:
    if isinstance(step, int):
        return node.get("items")
    return node.get("properties", {}).get(step, node.get("additionalProperties"))


def _branches(whole: dict[str, Any], nodes: list[Any]) -> list[dict[str, Any]]:
    """Follow references and alternatives down to what says something itself."""
    found: list[dict[str, Any]] = []
    for node in nodes:
        if not isinstance(node, dict):
            continue
        reference = node.get("$ref", "").removeprefix("#/$defs/")
        more = node.get("anyOf", []) + node.get("oneOf", []) + ([whole["$defs"][reference]] if reference else [])
        found += _branches(whole, more) if more else [node]
    return found


@cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)
