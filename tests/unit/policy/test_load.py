"""Reading a folder, and what holds for the whole set."""

import gc
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.model import Policy
from jitbot.policy.files.load import digest, load, read, read_all, read_cases
from jitbot.policy.files.schema import schema
from tests.fake_sources import FakeSource, FakeSources

EXAMPLE = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: demo
    with: {namespace: "payments-{env}", deployment: "{service}"}
    parameters:
      service: {type: choice, options: [api, worker]}
      env: {type: choice, options: [staging, prod]}
      count: {type: integer, min: 1, max: 9, default: 1}
      pause: {type: duration, min: 30s, default: 1m}
    risk: medium
    requesters: [group:engineering]
    reason: {required: true, pattern: "INC-[0-9]+"}
    timebox: {default: 30m, max: 4h}
    lapse_after: 1h
    rules:
      - name: staging is self-serve
        when: params.env == 'staging'
        allow: true
      - name: prod needs two people
        review:
          - {from: [group:leads], count: 1}
          - any_of: [[{from: [user:U1ANN]}], [{from: [group:engineering], count: 2}]]
"""


class Anything:
    def names(self) -> list[str]:
        return ["demo"]

    def inputs(self, name: str, values: Mapping[str, Any]) -> object:
        return values


def test_an_example_loads_whole(load_files: Callable[..., Policy]) -> None:
    policy = load_files({"payments.yml": EXAMPLE})
    assert list(policy.actions) == ["restart"]
    assert list(policy.groups) == ["engineering", "leads"]
    assert len(policy.digest) == 64


def test_no_files_are_an_empty_policy() -> None:
    assert load({}, Anything(), FakeSources(FakeSource())) == Policy(digest=hashlib.sha256().hexdigest())


def test_the_digest_moves_with_every_byte_and_every_name() -> None:
    files = {"a.yml": "x", "b.yml": "y"}
    others = [{"a.yml": "x", "b.yml": "z"}, {"a.yml": "x", "c.yml": "y"}, {"a.yml": "xb.ymly"}, {"a.yml": "x"}]
    assert digest(files) == digest(dict(reversed(files.items())))
    assert len({digest(other) for other in [files, *others]}) == 5


def test_a_folder_is_read_by_name_without_cases_and_other_files(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "b.cases.yml", "a.cases.yaml", "README.md", ".yml.swp"):
        (tmp_path / name).write_text(f"# {name} é\r\n", encoding="utf-8", newline="")
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "bom.yml").write_bytes(b"\xef\xbb\xbfa: 1")
    files = read(tmp_path)
    assert list(files.items()) == [("a.yaml", "# a.yaml é\r\n"), ("b.yml", "# b.yml é\r\n"), ("bom.yml", "a: 1")]


def test_a_folder_without_policies_or_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path}:1:1: cannot be read: there is no policy file (*.yml) in this folder."
    with pytest.raises(PolicyError) as caught:
        read(tmp_path / "nope")
    assert str(caught.value) == f"{tmp_path / 'nope'}:1:1: cannot be read: No such file or directory."


def test_a_file_that_is_not_text_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(PolicyError) as caught:
        read(tmp_path)
    assert str(caught.value) == "a.yml:2:4: this is not UTF-8 text; save the file as UTF-8."


def test_a_file_that_is_too_large_is_not_read_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"a" * 10_000_000)
    with pytest.raises(PolicyError) as caught:
        read(tmp_path)
    assert str(caught.value) == ("a.yml:1:1: cannot be read: it is larger than 1024 KiB; split it into several files.")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yml").write_text("a: 1")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # as root, no file mode would keep it from being opened
    with pytest.raises(PolicyError) as caught:
        read(tmp_path)
    assert str(caught.value) == "a.yml:1:1: cannot be read: Permission denied."


def test_yaml_with_the_long_suffix_is_the_same(load_files: Callable[..., Policy]) -> None:
    guardrails = "guardrails: [{deny: true}]"
    assert len(load_files({"guardrails.yaml": guardrails, "payments.yaml": EXAMPLE}).guardrails) == 1


@pytest.mark.parametrize("kind", ["guardrails", "people"])
def test_two_files_for_the_whole_organisation_are_one_too_many(faults: Callable[..., list[str]], kind: str) -> None:
    text = {"guardrails": "guardrails: []", "people": "groups: {}"}[kind]
    assert faults({f"{kind}.yaml": text, f"{kind}.yml": text}) == [
        f"{kind}.yml:1:1: there is {kind}.yaml already; keep one of the two."
    ]


def many(actions: int) -> dict[str, str]:
    """Write so many actions into five files, each with a condition of its own, and twenty guardrails over them."""
    head, body = EXAMPLE.split("actions:\n")
    teams = {f"t{part}.yml": head + "actions:\n" for part in range(5)}
    for number in range(actions):
        own = f"'staging' && targets < {actions}{number}"
        teams[f"t{number % 5}.yml"] += body.replace("restart:", f"a{number}:").replace("'staging'", own)
    guardrails = (f"  - {{deny: true, when: request.action == 'a{number}'}}\n" for number in range(20))
    people = "groups: {engineering: [], leads: []}"
    return {**teams, "people.yml": people, "guardrails.yml": "guardrails:\n" + "".join(guardrails)}


def test_ten_times_the_actions_load_in_little_more_than_ten_times_the_time() -> None:
    def seconds(actions: int) -> float:
        begun = time.process_time()
        assert len(load(many(actions), Anything(), FakeSources(FakeSource())).actions) == actions
        return time.process_time() - begun

    seconds(20)
    few = seconds(40)
    assert seconds(400) < 30 * few


def mutations(value: Any) -> Iterable[Any]:
    """Yield a nested value with one part taken out or replaced."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            yield {**value, f"{key}x": item}
            for changed in mutations(item):
                yield {**value, key: changed}
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            for changed in mutations(item):
                yield [*value[:index], changed, *value[index + 1 :]]
    yield from (None, True, 7, 1.5, "", "x", "{x", "group:", [], {}, [[]], {"x": None}, "params.env ==")


MUTANTS = list(mutations(yaml.safe_load(EXAMPLE)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MUTANTS), st.sampled_from(["payments.yml", "guardrails.yml", "people.yml"]))
def test_any_change_to_a_policy_is_loaded_or_refused_with_places(mutant: Any, name: str) -> None:
    files = {"people.yml": "groups: {engineering: [], leads: []}", name: yaml.safe_dump(mutant)}
    try:
        load(files, Anything(), FakeSources(FakeSource()))
    except PolicyError as error:
        for line in str(error).split("\n"):
            file, row, column, message = line.split(":", 3)
            assert file in files
            assert int(row) > 0
            assert int(column) > 0
            assert len(message) > 10


@pytest.mark.parametrize("mutant", MUTANTS[::7], ids=lambda value: "mutant")
def test_what_the_schema_refuses_the_loader_refuses_too(mutant: Any) -> None:
    files = {"people.yml": "groups: {engineering: [], leads: []}", "payments.yml": yaml.safe_dump(mutant)}
    try:
        load(files, Anything(), FakeSources(FakeSource()))
    except PolicyError:
        return
    jsonschema.validate(mutant, schema())


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a.yml", "guardrails.yml", "people.yml"]), st.text(max_size=60), max_size=3))
def test_any_text_at_all_is_loaded_or_refused(files: dict[str, str]) -> None:
    try:
        load(files, Anything(), FakeSources(FakeSource()))
    except PolicyError as error:
        assert str(error).split(":")[0] in files


@pytest.mark.parametrize(
    "value",
    [
        EXAMPLE,
        "guardrails: [{deny: true}, {name: a, when: 'true', review: [{from: [group:x]}], applies_to: [y]}]",
        "groups: {sre: [U1ANN]}",
    ],
    ids=["team", "guardrails", "people"],
)
def test_the_schema_takes_what_the_loader_takes(value: str) -> None:
    jsonschema.validate(yaml.safe_load(value), schema())
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "value",
    [
        "groups: {}\nx: 1",
        "groups: {a: null}",
        EXAMPLE.replace("30m", "30 minutes"),
        EXAMPLE.replace("allow: true", "when: null"),
    ],
    ids=["unknown key", "null", "duration", "empty condition"],
)
def test_the_schema_refuses_what_the_loader_refuses(value: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(value), schema())


@pytest.mark.parametrize("collecting", [True, False])
def test_loading_leaves_the_garbage_collector_as_it_was(load_files: Callable[..., Policy], *, collecting: bool) -> None:
    before = gc.isenabled()
    try:
        gc.enable() if collecting else gc.disable()
        load_files({})
        with pytest.raises(PolicyError):
            load_files({"payments.yml": "nonsense"})
        assert gc.isenabled() is collecting
    finally:
        gc.enable() if before else gc.disable()


def test_cases_are_read_by_name_and_a_folder_without_any_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 1")
    with pytest.raises(PolicyError) as caught:
        read_cases(tmp_path)
    assert str(caught.value) == f"{tmp_path}:1:1: cannot be read: there are no cases (*.cases.yml) in this folder."
    (tmp_path / "b.cases.yaml").write_text("b: 2")
    assert read_cases(tmp_path) == {"b.cases.yaml": "b: 2"}
    assert list(read_all(tmp_path)) == [tmp_path / "a.yml", tmp_path / "b.cases.yaml"]
