import json

import pytest
from pydantic import ValidationError

from jitbot.runners.http_inputs import HttpInputs


def told(**values) -> HttpInputs:
    return HttpInputs.model_validate({"method": "PUT", "url": "https://api.example.com/x"} | values)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"method": "HEAD"}, ("method",), "Input should be"),
        ({"url": "https://user:pw@api.example.com/x"}, ("url",), "user or password"),
        ({"url": "https://api.example.com@evil.com/x"}, ("url",), "user or password"),
        ({"url": "https://api.example.com\\@evil.com/x"}, ("url",), "user or password"),
        ({"url": "https://api.example.com/x?y=1"}, ("url",), "as `query`"),
        ({"url": "https://api.example.com/x#y"}, ("url",), "as `query`"),
        ({"url": "file:///etc/passwd"}, ("url",), "must begin with https://"),
        ({"url": "https://ex\u00e4mple.com/x"}, ("url",), "must begin with https://"),
        ({"url": "https://{receipt.host}/x"}, ("url",), "must begin with https://"),
        ({"url": "https://api.example.com\\.evil.com/x"}, ("url",), "must begin with https://"),
        ({"url": "https://api.example.com/a b"}, ("url",), "characters that do not belong"),
        ({"url": "https://api.example.com/a\r\nHost: x"}, ("url",), "characters that do not belong"),
        ({"url": "https://api.example.com/{other}"}, ("url",), "characters that do not belong"),
        ({"url": "https://api.example.com/a/../b"}, ("url",), "`..`"),
        ({"url": "https://api.example.com/a/%2E%2e/b"}, ("url",), "`..`"),
        ({"url": "https://api.example.com/a%2f.%5cb"}, ("url",), "`..`"),
        ({"path": [""]}, ("path", 0), "at least 1 character"),
        ({"headers": {"X-A": "b\r\nX-Evil: 1"}}, ("headers", "X-A"), "one line of plain ASCII"),
        ({"headers": {"X-A": "ü"}}, ("headers", "X-A"), "one line of plain ASCII"),
        ({"headers": {"X-A": " b"}}, ("headers", "X-A"), "spaces at its ends"),
        ({"headers": {"X A": "b"}}, ("headers", "X A"), "no name of a header"),
        ({"headers": {"Host": "evil"}}, ("headers", "Host"), "set by jitbot itself"),
        ({"headers": {"X-A": None}}, ("headers", "X-A"), "text or {secret: NAME}"),
        ({"json": {"a": 1}, "text": "b"}, (), "not both"),
        ({"json": float("nan")}, (), "JSON compliant"),
        ({"expect": [200, 404]}, (), "status 404 cannot mean both"),
        ({"expect": [99]}, ("expect", 0), "greater than or equal to 100"),
        ({"receipt": {"id": "id"}}, ("receipt", "id"), "pattern"),
        ({"query": {"q": "{receipt.id}"}}, (), "there is no receipt yet"),
        ({"plan": {"query": {"q": "{receipt.id}"}}}, (), "there is no receipt yet"),
        ({"check": {"query": {"q": "{run.key}"}}}, (), "belong to no run"),
        ({"undo": {"json": {"a": ["{receipt.id}"]}}}, (), "{receipt.id} names nothing"),
        ({"undo": {"method": "GET"}}, ("undo", "method"), "Input should be"),
        ({"undo": {"verb": "DELETE"}}, ("undo", "verb"), "Extra inputs"),
    ],
)
def test_wrong_inputs_are_told_field_by_field(values, field, words) -> None:
    with pytest.raises(ValidationError) as caught:
        told(**values)
    detail = caught.value.errors()[0]
    assert detail["loc"][: len(field)] == field
    assert words in detail["msg"]


def test_inputs_survive_being_kept() -> None:
    inputs = told(
        json={"a": None},
        headers={"A": {"secret": "db"}, "N": 3},
        undo={"json": [1]},
        check={"equals": 1, "pointer": "/a"},
    )
    assert inputs.headers["N"] == "3"
    assert told(**json.loads(json.dumps(inputs.model_dump(mode="json")))) == inputs
    assert told(**inputs.model_dump()) == inputs
