"""Texts in which one key is set: every other character stays, and programs read what was meant."""

import json
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jitbot.runners.config_file.document import FORMATS, Document, Entry, pointer

YML = """\
# top
a: 1 # one
"q": 'x'
b:   # nothing
c:
  - x
  - y # z

# about d
d: |
  foo

e: {p: 1, q: 2}
on_call: yes
i:
  l: debug   # level
  m: {}
# end
"""
JSN = '{\n  "a": 1,\n  "b": {"c": [1, 2, {"d": null}], "e": {}},\n  "f": {\n    "g": "x"\n  }\n}\n'
TML = '# top\nt = "x"   # keep\n\n[a] # b\nn = 0x10\nl = [\n  1, # one\n  2,\n]\n\n[[s]]\np = 1\n'


def changed(suffix: str, text: str, key: list[Any], value: Any) -> str:
    """Set a key, see that its way back leads to the same values, and return the lines that are other ones."""
    document = Document(text, FORMATS[suffix])
    was, new = document.entry(key), document.with_value(key, value)
    after = Document(new, FORMATS[suffix])
    assert after.entry(key).same(Entry(True, value))
    back = Document(after.with_entry(key, was), FORMATS[suffix])
    assert back.entry(key).same(was)
    assert back.entry(key).source == was.source
    old = text.split("\n")
    return "\n".join(line for line in new.split("\n") if line not in old)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (["a"], 2, "a: 2 # one"),
        (["q"], "y", "\"q\": 'y'"),
        (["q"], "it's", '"q": "it\'s"'),
        (["b"], True, "b: true   # nothing"),
        (["c", 1], "yes", '  - "yes" # z'),
        (["c"], [], "  []"),
        (["d"], "bar", "d: bar"),
        (["e", "p"], None, "e: {p: null, q: 2}"),
        (["e", "new"], 1, "e: {p: 1, q: 2, new: 1}"),
        (["on_call"], "no", 'on_call: "no"'),
        (["i", "l"], "info", "  l: info   # level"),
        (["i", "l"], "12:30:45", '  l: "12:30:45"   # level'),
        (["i", "l"], "1e3", '  l: "1e3"   # level'),
        (["i", "l"], "a: b # c", '  l: "a: b # c"   # level'),
        (["i", "l"], "two\nlines", '  l: "two\\nlines"   # level'),
        (["i", "n"], {"x": ["a"]}, '  n: {"x": ["a"]}'),
        (["i", "m", "o"], 1.5, "  m: {o: 1.5}"),
        (["yes"], 1, '"yes": 1'),
        (["z y"], 1, '"z y": 1'),
    ],
)
def test_one_line_of_yaml_changes(key: list[Any], value: Any, line: str) -> None:
    assert changed(".yml", YML, key, value) == line


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        (["a"], "ü", '  "a": "ü",'),
        (["b", "c", 2, "d"], [1], '  "b": {"c": [1, 2, {"d": [1]}], "e": {}},'),
        (["b", "e", "x"], 1, '  "b": {"c": [1, 2, {"d": null}], "e": {"x": 1}},'),
        (["f", "h"], False, '    "g": "x",\n    "h": false'),
        (["n/m~"], None, '  },\n  "n/m~": null'),
    ],
)
def test_one_line_of_json_changes(key: list[Any], value: Any, lines: str) -> None:
    assert changed(".json", JSN, key, value) == lines


def test_json_on_one_line_stays_as_tight_as_it_is() -> None:
    assert changed(".json", '{"a":1,"b":2}', ["c"], 3) == '{"a":1,"b":2,"c":3}'
    assert changed(".json", '{"a": 1}', ["c"], 3) == '{"a": 1, "c": 3}'
    assert changed(".json", "{}", ["c"], 3) == '{"c": 3}'


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (["t"], "y", 't = "y"   # keep'),
        (["a", "n"], 17, "n = 17"),
        (["a", "l", 0], 3, "  3, # one"),
        (["a", "new"], {"x": {"y": [1]}}, "new = {x = {y = [1]}}"),
        (["s", 0, "p"], 2, "p = 2"),
    ],
)
def test_one_line_of_toml_changes(key: list[Any], value: Any, line: str) -> None:
    assert changed(".toml", TML, key, value) == line


@pytest.mark.parametrize(
    ("suffix", "text", "key", "why"),
    [
        (".yml", "5\n", ["a"], "holds no keys"),
        (".yml", "a: &x 1\nb: *x\n", ["a"], "anchor"),
        (".yml", "a: &x 1\nb: *x\n", ["b"], "more than this key|anchor"),
        (".yml", "a: &x {n: 1}\nb: *x\n", ["b", "n"], "more than this key"),
        (".yml", "d: &d {n: 1}\na:\n  <<: *d\n", ["a", "n"], "not as text"),
        (".yml", "a: !!str 5\n", ["a"], "tag"),
        (".yml", "a: !ref x\n", ["a"], "not read"),
        (".yml", "a: 1\n---\na: 2\n", ["a"], "not read"),
        (".yml", "on: 1\n", ["on"], "not as text"),
        (".yml", "a: 1\na: 2\n", ["a"], "not read"),
        (".yml", "a: [1]\n", ["a", "x"], "is a list"),
        (".yml", "a: [1]\n", ["a", 1], "no place 1"),
        (".yml", "a: {n: 1}\n", ["a", 0], "no list"),
        (".yml", "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9 if n else 1}]\n" for n in range(9)), ["a0"], "aliases"),
        (".json", '{"a": 1, "a": 2}', ["a"], "twice"),
        (".json", '{"a": NaN}', ["a"], "no JSON"),
        (".json", '{"a": 1,} // c', ["a"], "property name"),
        (".json", "[" * 100_000, ["a"], "nested"),
        (".toml", "[a]\nb = 1\n", ["a"], "not as text"),
        (".toml", "a = 1\na = 2\n", ["a"], "Cannot overwrite"),
        (".toml", "a = " + "[" * 100_000, ["a"], "nested"),
    ],
)
def test_what_cannot_be_changed_safely_is_left_to_people(suffix: str, text: str, key: list[Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Document(text, FORMATS[suffix]).with_value(key, "new")


def test_toml_has_no_null() -> None:
    with pytest.raises(ValueError, match="no such value"):
        Document(TML, FORMATS[".toml"]).with_value(["t"], None)


def test_a_pointer_tells_a_slash_from_a_step() -> None:
    assert pointer(["a/b", "~", 0]) == "/a~1b/~0/0"


SEEN = st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" \n\t")
TEXTS = st.text(SEEN, max_size=20)
NAMES = st.text(SEEN, min_size=1, max_size=8)
SCALARS = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


def in_yaml_lines(data: Any) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def in_toml(data: Any) -> str:
    import tomlkit

    return tomlkit.dumps(data)


READERS = {
    ".json": [json.loads],
    ".toml": [tomllib.loads],
    ".yml": [yaml.safe_load, lambda text: YAML(typ="safe", pure=True).load(text)],
}


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
    NAMES,
    VALUES,
    st.sampled_from(
        [(".json", json.dumps), (".json", lambda data: json.dumps(data, indent=3)), (".yml", in_yaml_lines),
         (".yml", json.dumps), (".toml", in_toml)]
    ),
)  # fmt: skip
def test_whatever_is_set_is_read_and_nothing_else_changes(
    data: dict[str, Any], key: str, value: Any, written: tuple[str, Any]
) -> None:
    suffix, write = written
    text = write(data)
    try:
        document = Document(text, FORMATS[suffix])
        new = document.with_value([key], value)
    except ValueError:
        assert suffix != ".json"  # the others have ways to write that are left to people
        return
    for read in READERS[suffix]:
        found = read(new)
        assert json.dumps(found.pop(key)) == json.dumps(value)
        assert json.dumps(found) == json.dumps({name: each for name, each in read(text).items() if name != key})
