import json

import pytest
from pydantic import ValidationError

from jitbot.outbound.values import Secret
from jitbot.runners.command_inputs import CommandInputs


def told(**values) -> CommandInputs:
    return CommandInputs.model_validate(values)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, ("argv",), "Field required"),
        ({"argv": []}, ("argv",), "at least 1 item"),
        ({"argv": ["true", ""]}, ("argv", 1), "at least 1 character"),
        ({"argv": ["true", "a\0b"]}, ("argv", 1), "NUL"),
        ({"argv": ["true", True]}, ("argv", 1), "valid string"),
        ({"argv": ["true", "\ud800"]}, ("argv", 1), "unicode"),
        ({"argv": ["-c", "x"]}, ("argv",), "begins with a dash"),
        ({"argv": ["./x"]}, ("argv",), "relative path"),
        ({"argv": "rm -rf /"}, ("argv",), "valid tuple"),
        ({"argv": ["true"], "shell": True}, ("shell",), "Extra inputs"),
        ({"argv": ["true"], "folder": "tmp"}, ("folder",), "full path"),
        ({"argv": ["true"], "env": ["SLACK_BOT_TOKEN"]}, ("env", 0), "jitbot's own"),
        ({"argv": ["true"], "env": ["A=B"]}, ("env", 0), "pattern"),
        ({"argv": ["true"], "variables": {"A": "x\0"}}, ("variables", "A"), "NUL"),
        ({"argv": ["true"], "variables": {"A": ["x"]}}, ("variables", "A"), "text or {secret: NAME}"),
        ({"argv": ["true"], "variables": {"A": {"secret": "x", "b": 1}}}, ("variables", "A"), "{secret: NAME}"),
        ({"argv": ["true"], "variables": {"A": {"secret": "../x"}}}, ("variables", "A"), "{secret: NAME}"),
        ({"argv": ["true"], "variables": {"A": {"secret": "x", "prefix": 1}}}, ("variables", "A"), "{secret: NAME}"),
        ({"argv": ["true"], "expect": []}, ("expect",), "at least 1 item"),
        ({"argv": ["true"], "refused": [256]}, ("refused", 0), "less than or equal to 255"),
        ({"argv": ["true"], "expect": [0, 3], "refused": [3]}, (), "exit code 3 cannot mean both"),
    ],
)
def test_wrong_inputs_are_told_field_by_field(values, field, words) -> None:
    with pytest.raises(ValidationError) as caught:
        told(**values)
    detail = caught.value.errors()[0]
    assert detail["loc"][: len(field)] == field
    assert words in detail["msg"]


def test_inputs_survive_being_kept() -> None:
    inputs = told(argv=["true", 3, 1.5], variables={"A": {"secret": "db"}, "B": 1}, refused=[3])
    assert inputs.argv == ("true", "3", "1.5")
    assert told(**json.loads(json.dumps(inputs.model_dump(mode="json")))) == inputs
    assert told(**inputs.model_dump()) == inputs
    assert told(argv=["true"], variables={"A": Secret(secret="db")}).variables == {"A": Secret(secret="db")}
