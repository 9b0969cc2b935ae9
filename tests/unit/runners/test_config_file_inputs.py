"""What `config.file` takes and what it refuses, before any file is looked at."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import JitbotError
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.config_file.inputs import FileInputs
from jitbot.runners.config_file.place import opened

GOOD = {"folder": "/srv/acme", "file": "payments/app.yml", "key": ["service", "level"], "value": "debug"}


def test_good_inputs_are_taken_with_their_types() -> None:
    told = FileInputs.model_validate({**GOOD, "key": ["a", 0, "1"], "value": {"x": [1, True, None]}})
    assert told.key == ("a", 0, "1")
    assert told.value == {"x": [1, True, None]}
    assert told.name == "/a/0/1 in /srv/acme/payments/app.yml"


@pytest.mark.parametrize(
    "wrong",
    [
        {"folder": "srv"},
        {"folder": "/srv/../etc"},
        {"folder": "/srv/./acme"},
        {"folder": "/srv\x00"},
        {"file": "/etc/app.yml"},
        {"file": "../app.yml"},
        {"file": "a/../../app.yml"},
        {"file": "a//app.yml"},
        {"file": "./app.yml"},
        {"file": "a/.."},
        {"file": "app.yml\n"},
        {"file": "app.yml/"},
        {"file": "app\x00.yml"},
        {"file": "app.conf"},
        {"file": "app"},
        {"file": ""},
        {"file": "x" * 60 + ".yml"},
        {"key": []},
        {"key": ["a"] * 21},
        {"key": [""]},
        {"key": [-1]},
        {"key": [True]},
        {"key": [1.0]},
        {"key": [None]},
        {"key": ["a\u202eb"]},
        {"key": ["a\x07"]},
        {"key": "service"},
        {"value": "a\x1bb"},
        {"value": {"x": ["\u2028"]}},
        {"value": {"a\x00": 1}},
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": "x" * 4_000},
        {"file": "app.toml", "value": None},
        {"context": 6},
        {"context": True},
        {"git": "yes"},
        {"values": 1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FileInputs.model_validate({**GOOD, **wrong})


def test_a_value_must_be_given() -> None:
    with pytest.raises(ValidationError):
        FileInputs.model_validate({name: each for name, each in GOOD.items() if name != "value"})


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "a.yml", "link", "~", "%2e%2e", "..\\", "\u2024\u2024"]), max_size=5)
)
def test_no_path_that_is_taken_leads_out_of_its_folder(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "confined"
    (folder / "inside").mkdir(parents=True, exist_ok=True)
    (folder / "app.yml").touch()
    if not (folder / "inside" / "link").exists():
        (folder / "inside" / "link").symlink_to(folder)
    try:
        told = FileInputs.model_validate(
            {**GOOD, "folder": str(folder / "inside"), "file": "/".join([*steps, "app.yml"])}
        )
        with opened(told.folder, told.file, EnvironmentSite((), {}, [folder / "inside"])) as place:
            found = place.read()
    except (ValidationError, OSError, JitbotError):
        return
    assert found is None
    assert Path(told.file).parts
