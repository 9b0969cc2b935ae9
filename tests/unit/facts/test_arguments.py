"""Arguments of sources: an address is an address and nothing else, one value stands for a list of one."""

import pytest
from pydantic import ValidationError

from jitbot.facts.vendors.pagerduty import OnCallArguments
from jitbot.facts.vendors.servicenow import ChangeArguments


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.pagerduty.com", "https://api.pagerduty.com"),
        ("http://10.0.0.7:8080/oncall/", "http://10.0.0.7:8080/oncall"),
        ("https://[::1]:443/a-b_c~d", "https://[::1]:443/a-b_c~d"),
    ],
)
def test_an_address_is_a_host_with_a_path(url: str, kept: str) -> None:
    assert OnCallArguments(schedule=("P1",), url=url).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.pagerduty.com",
        "ftp://a.example",
        "https://",
        "https://user:word@a.example",
        "https://a.example?b",
        "https://a.example/?b=c",
        "https://a.example#b",
        "https://a.example/%2e%2e/b",
        "https://a.example/../b",
        "https://a.example/b c",
        "https://a.example//b",
        "https://ä.example",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OnCallArguments(schedule=("P1",), url=url)


def test_one_value_stands_for_a_list_and_numbers_become_words() -> None:
    told = OnCallArguments.model_validate({"schedule": "P1", "escalation_policy": [7, "P2"], "level": 1})
    assert (told.schedule, told.escalation_policy, told.level) == (("P1",), ("7", "P2"), (1,))
    with pytest.raises(ValidationError):
        OnCallArguments.model_validate({"schedule": True})
    with pytest.raises(ValidationError, match="name a `schedule`, an `escalation_policy`, or both"):
        OnCallArguments.model_validate({"level": 1})


@pytest.mark.parametrize("pattern", ["(", "a**", r"(?=x)"])
def test_a_pattern_that_is_none_is_told(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no pattern"):
        ChangeArguments.model_validate({"in": "x", "url": "https://a.example", "find": pattern})
