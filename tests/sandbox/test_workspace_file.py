from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.workspace import WorkspaceFault, load_workspace

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox-workspace.md"
ANN = {"id": "U0ANN", "name": "ann"}


def test_the_documented_example_loads_and_runs(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    path = tmp_path / "workspace.yml"
    path.write_text(found.group(1), encoding="utf-8")
    with LocalSlack(path) as slack:
        assert slack.person(load_workspace(path).people[0].id).see()["channels"]


def test_every_key_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    schema = load_workspace({"people": [ANN]}).model_json_schema()
    keys = set(schema["properties"])
    for part in schema["$defs"].values():
        keys |= set(part["properties"])
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_people_alone_are_enough() -> None:
    workspace = load_workspace({"people": [ANN]})
    assert workspace.app.bot_user == "U0JITBOT"
    assert "chat:write" in workspace.app.scopes


FAULTS: dict[str, tuple[Any, str]] = {
    "no_people": ({}, "people: Field required"),
    "unknown_key": ({"people": [ANN], "rooms": []}, "rooms: Extra inputs are not permitted"),
    "unknown_flag": ({"people": [ANN | {"is_boss": True}]}, "people.0.is_boss: Extra inputs"),
    "bad_id": ({"people": [{"id": "ann", "name": "ann"}]}, "people.0.id: String should match"),
    "twins": ({"people": [ANN, ANN]}, "people named twice: U0ANN"),
    "stranger_in_channel": (
        {"people": [ANN], "channels": [{"id": "C0A", "name": "a", "members": ["U0BOB"]}]},
        "channel a names people who are not in the file: U0BOB",
    ),
    "stranger_in_group": (
        {"people": [ANN], "usergroups": [{"id": "S0A", "handle": "a", "users": ["U0BOB"]}]},
        "user group a names people who are not in the file: U0BOB",
    ),
    "channel_names": (
        {"people": [ANN], "channels": [{"id": "C0A", "name": "a"}, {"id": "C0B", "name": "a"}]},
        "channel names named twice: a",
    ),
    "command": ({"people": [ANN], "app": {"commands": [{"command": "jit"}]}}, "app.commands.0.command"),
    "shortcut": (
        {"people": [ANN], "app": {"shortcuts": [{"callback_id": "a", "name": "x" * 25}]}},
        "app.shortcuts.0.name: String should have at most 24",
    ),
    "delivery": ({"people": [ANN], "app": {"delivery": {"url": "ftp://x"}}}, "app.delivery"),
    "not_a_mapping": ("- a", "the file: Input should be"),
    "not_yaml": ("a: [", "is not YAML"),
}


@pytest.mark.parametrize(("content", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_mistake_is_named_with_its_place(tmp_path: Path, content: Any, words: str) -> None:
    path = tmp_path / "workspace.yml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(WorkspaceFault) as caught:
        load_workspace(path)
    assert words in str(caught.value)
    assert "workspace.yml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceFault, match=r"none\.yml: cannot be read"):
        load_workspace(tmp_path / "none.yml")
