"""The published schema takes every structure that the loader takes: an editor never complains about a good file."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.policy.files.calendar_schema import CalendarFile
from jitbot.policy.files.load import read, read_cases
from jitbot.policy.files.people_schema import PeopleFile
from jitbot.policy.files.schema import GuardrailFile, TeamFile, schema
from jitbot.policy.files.strict import Strict
from jitbot.workbench.case_keys import CasesFile, cases_schema

POLICIES = Path(__file__).parents[3] / "policies"
MODELS: dict[str, type[Strict]] = {
    "people.yml": PeopleFile,
    "guardrails.yml": GuardrailFile,
    "windows.yml": CalendarFile,
}
POLICY = jsonschema.Draft202012Validator(schema())
CASES = jsonschema.Draft202012Validator(cases_schema())
WHOLE = """
team: t
channel: "#t"
actions:
  a:
    title: A
    description: a
    runner: r
    with: {x: [1, {y: "{p}"}]}
    parameters:
      p: {type: choice, label: P, hint: h, required: false, default: a, options: [a, b]}
      n: {type: integer, min: 1, max: 5}
      d: {type: duration, min: 1m, max: 2h}
      t: {type: text, pattern: "x+", max_length: 9}
    risk: low
    requesters: [group:g, user:U0A, oncall:r]
    reason: {required: true, pattern: "INC", hint: h}
    facts: {f: {source: s, about: "{p}"}}
    timebox: {default: 30m, max: 1h30m}
    rules:
      - {name: a, when: "true", allow: true}
      - {deny: true}
      - {deny: No.}
      - {review: [{from: [group:g], count: 2}, {any_of: [[{from: [group:g]}], [{from: [user:U0A]}]]}]}
    lapse_after: 1h
    start_within: 1h
    time_limit: 1m
  b: {runner: r, requesters: [group:g], reason: false, rules: [{allow: true}]}
"""
WINDOWS = """
zone: Europe/Berlin
windows:
  office: {days: [mon-fri], from: "09:00", until: "17:00", holidays: closed}
  sun: {zone: UTC, spans: [{days: [mon-thu], from: "08:00", until: "18:00"}]}
holidays:
  berlin: {country: DE, subdivision: BE}
  company: {days: ["2026-12-24"]}
freezes:
  year-end: {from: "2026-12-19", until: "2027-01-03", except: [group:sre], applies_to: [a]}
  launches: {calendar: {source: s, x: 1}, zone: UTC}
"""


def documents() -> list[tuple[type[Strict], jsonschema.Draft202012Validator, Any]]:
    found: list[tuple[type[Strict], jsonschema.Draft202012Validator, Any]] = [(TeamFile, POLICY, yaml.safe_load(WHOLE))]
    found.append((CalendarFile, POLICY, yaml.safe_load(WINDOWS)))
    for name, text in read(POLICIES).items():
        found.append((MODELS.get(name, TeamFile), POLICY, yaml.safe_load(text)))
    found += [(CasesFile, CASES, yaml.safe_load(text)) for text in read_cases(POLICIES).values()]
    return found


DOCUMENTS = documents()
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 30),
    st.floats(0, 2, allow_nan=False),
    st.sampled_from(["", " ", "x", "30m", "1h30m", "0s", "9x", "low", "group:g", "#t", "x" * 80, "a\nb"]),
    st.lists(st.sampled_from(["a", "group:g"]), max_size=2),
    st.dictionaries(st.sampled_from(["a", "name", "from", "count", "any_of"]), st.just("a"), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    """Return a document with one value replaced, taken out, or with one more key or item beside it."""
    whole = {"root": copy.deepcopy(document)}
    holder: Any = whole
    for step in ("root", *path)[:-1]:
        holder = holder[step]
    last = ("root", *path)[-1]
    if how == "more" and isinstance(holder[last], dict):
        holder[last]["extra"] = value
    elif how == "more" and isinstance(holder[last], list):
        holder[last].append(value)
    elif how == "out" and path:
        del holder[last]
    else:
        holder[last] = value
    return whole["root"]


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_whatever_the_loader_takes_the_schema_takes(data: st.DataObject) -> None:
    model, validator, document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(document)))
        how = data.draw(st.sampled_from(["in", "in", "out", "more"]))
        document = changed(document, path, how, data.draw(VALUES))
    try:
        model.model_validate(document)
    except ValidationError:
        return
    errors = [error.message for error in validator.iter_errors(document)]
    assert errors == []


@pytest.mark.parametrize(
    ("model", "validator", "document"), DOCUMENTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_key_that_is_misspelt_is_marked_by_the_schema(
    model: type[Strict], validator: jsonschema.Draft202012Validator, document: Any
) -> None:
    assert validator.is_valid(document)
    free = {"with", "facts", "parameters", "actions", "groups", "on_call", "people", "params", "f"}
    free |= {"windows", "holidays", "freezes", "calendar"}
    for path in places(document):
        value = document
        for step in path:
            value = value[step]
        if isinstance(value, dict) and not free & {step for step in path[-1:] if isinstance(step, str)}:
            if "with" in path or "params" in path:
                continue
            assert not validator.is_valid(changed(document, path, "more", 1)), path
            with pytest.raises(ValidationError):
                model.model_validate(changed(document, path, "more", 1))
