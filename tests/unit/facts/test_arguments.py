"""Arguments of sources: an address is an address and nothing else, one value stands for a list of one."""

import pytest
from pydantic import ValidationError

from jitbot.errors import PolicyError
from jitbot.facts.registry import FactRegistry
from jitbot.facts.vendors.pagerduty import OnCallArguments
from jitbot.facts.vendors.servicenow import ChangeArguments
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from tests.unit.policy.conftest import PEOPLE, Runners, action_text, unmarked


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


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ("{source: jira.issue, url: 'https://a.example', in: '{request.reason}', find: »(}", "is no pattern"),
        (
            "{source: jira.issue, url: 'https://a.example', in: '{request.reason}', find: A, status: »''}",
            "a line of up to 200",
        ),
        (
            "{source: jira.issue, url: 'https://a.example', in: '{request.reason}', find: A, as: text, names: »api}",
            "nothing is compared",
        ),
        ("{source: servicenow.change, url: »a.example, in: '{request.reason}'}", "must be https://"),
        (
            "{source: servicenow.change, url: 'https://a.example', in: x, window: {from: »a^b, to: c}}",
            "must be a field's name",
        ),
        ("{source: pagerduty.open_incidents, service: [PIJ90N7, »a/b]}", "must be an id"),
        ("{source: pagerduty.open_incidents, service: PIJ90N7, urgency: »medium}", "'high' or 'low'"),
        ("{source: »pagerduty.open_incident, service: PIJ90N7}", "Did you mean pagerduty.open_incidents?"),
        ("{source: »pagerduty.on_call, schedule: PI7DH85}", "comes to people"),
    ],
)
def test_a_fault_in_a_policy_is_told_at_its_place(fact: str, words: str) -> None:
    text, place = unmarked(action_text(f"facts: {{it: {fact}}}"))
    names = ["jira.issue", "pagerduty.on_call", "pagerduty.open_incidents", "servicenow.change"]
    with pytest.raises(PolicyError) as caught:
        load({"people.yml": PEOPLE, "payments.yml": text}, Runners(), FactRegistry(names, EnvironmentSite((), {})))
    told = str(caught.value).splitlines()
    assert [line.startswith(f"payments.yml:{place}: ") for line in told] == [True], told
    assert words in told[0]
