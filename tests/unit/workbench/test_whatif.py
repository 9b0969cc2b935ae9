"""What would be decided, from the files and from what is said on the command line."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jitbot.errors import InvalidInput, JitbotError
from jitbot.model import Decision, Kind, Outcome
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.whatif import Explained, WhatIf, explain_what_if

NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
PROD = ("restart", "service=api", "env=prod")


def explained(bench: Bench, *words: str, who: str = "@ann", **said: Any) -> Explained:
    return explain_what_if(bench, WhatIf(words or PROD, who, NOON, **said))


def decided(bench: Bench, *words: str, who: str = "@ann", **said: Any) -> Decision:
    decision = explained(bench, *words, who=who, **said).rehearsal.decision
    assert decision is not None
    return decision


@pytest.mark.parametrize("who", ["U0REAL", "<@U0REAL>", "ann@acme.example", "@ann", "ann", "eve", "U0LEAD"])
def test_people_of_the_files_are_found_by_id_address_or_name(bench: Bench, who: str) -> None:
    assert decided(bench, "restart", "service=api", "env=staging", who=who).outcome is Outcome.ALLOW


def test_whoever_is_in_no_file_is_in_no_group_unless_it_is_said(bench: Bench) -> None:
    assert decided(bench, who="@zoe").outcome is Outcome.DENY
    decision = decided(bench, who="@zoe", groups=["engineering"])
    assert (decision.outcome, [str(user) for user in decision.needs[0].candidates]) == (
        Outcome.REVIEW,
        ["U0LEAD", "U_EVE_ACME_EXAMPLE"],
    )


def test_what_another_system_knows_is_unread_unless_it_is_said(bench: Bench) -> None:
    found = explained(bench)
    assert found.rehearsal.decision is not None
    assert found.rehearsal.decision.unread == ("requester.on_call",)
    assert found.not_read == {"requester.on_call": "--on-call primary=WHO"}
    found = explained(bench, on_call=["primary"])
    assert found.not_read == {"facts.incidents": "--fact incidents=VALUE"}
    assert decided(bench, on_call=["primary"], facts=["incidents=1"]).rule == "on call during an incident"
    assert decided(bench, on_call=["primary="], facts=["incidents=1"]).rule == "a lead decides"
    assert (
        decided(bench, on_call=["primary"], facts=["incidents=1"], unread=["facts.incidents"]).rule == "a lead decides"
    )


def test_the_groups_and_numbers_that_are_missing_are_named_with_their_option(bench: Bench) -> None:
    found = explained(bench, "tune", "whose=<@U0LEAD>")
    assert found.rehearsal.decision is not None
    assert found.not_read == {
        "targets": "--targets NUMBER",
        "group:sre": "--group sre, or --group sre=WHO,WHO",
        "oncall:primary": "--on-call primary, or --on-call primary=WHO,WHO",
    }
    decision = decided(bench, "tune", "whose=U0LEAD", targets=2, groups=["sre=U0S1,@sam"], on_call=["primary=U0S1"])
    assert [need.candidates for need in decision.needs] == [("U0S1", "U_SAM"), ("U0S1",)]


def test_reviews_reasons_and_lengths_count_as_in_slack(bench: Bench) -> None:
    assert decided(bench, approved_by=["eve"]).outcome is Outcome.ALLOW
    assert explained(bench, approved_by=["@zoe"]).rehearsal.refused == ("U_ZOE",)
    assert "INC-" in explained(bench, *PROD, 'reason=a "quoted" <b> & more').rehearsal.fault
    assert explained(bench, *PROD, 'reason=INC-1 "quoted" \\ <b>').rehearsal.fault == ""
    assert explained(bench, *PROD, "reason=INC-1", reason="because").rehearsal.fault != ""
    assert "4h at most" in explained(bench, "tune", "whose=U0LEAD", "for=5h").rehearsal.fault
    assert explained(bench, "tune", "whose=U0LEAD", "for=5h", ttl="1h").rehearsal.fault == ""


def test_agents_are_agents(bench: Bench) -> None:
    decision = decided(bench, "restart", "service=api", "env=staging", kind=Kind.AGENT)
    assert decision.outcome is Outcome.REVIEW


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"words": ("restrat",)}, "Did you mean restart?", id="action"),
        pytest.param({"words": ("why", "JIT-1")}, "Say which action", id="a word of ours"),
        pytest.param({"requester": "@"}, "'@' is nobody", id="nobody"),
        pytest.param({"groups": ["leeds"]}, "There is no group 'leeds'. Did you mean leads?", id="group"),
        pytest.param({"on_call": ["x=U1"]}, "There is no rota 'x'", id="rota"),
        pytest.param({"facts": ["incident=1"]}, "There is no fact 'incident'.", id="fact"),
        pytest.param({"facts": ["incidents"]}, "Did you mean incidents=…?", id="fact without a value"),
        pytest.param({"facts": ["incidents=many"]}, "incidents: this fact is a whole number, not 'many'", id="kind"),
        pytest.param({"facts": ["calm=maybe"]}, "calm: this fact is true or false, not 'maybe'", id="boolean"),
        pytest.param({"facts": ["length=5"]}, "length: '5' is not a duration", id="length"),
        pytest.param(
            {"unread": ["group:x"]}, "There is no group, rota, attribute, freeze or fact 'group:x'", id="unread"
        ),
    ],
)
def test_what_is_said_wrong_is_told_with_what_there_is(bench: Bench, changes: dict[str, Any], said: str) -> None:
    base = WhatIf(PROD, "ann", NOON)
    with pytest.raises(JitbotError) as caught:
        explain_what_if(bench, replace(base, **changes))
    assert said in str(caught.value)


def test_values_of_every_kind_can_be_said(bench: Bench) -> None:
    facts = ["calm=true", "since=2026-01-01T00:00:00Z", "length=5m", "names=a, b", "load=0.5", "word=x=y"]
    assert explained(bench, facts=facts).scene.facts["names"] == ["a", "b"]
    assert explained(bench, facts=facts).scene.facts["word"] == "x=y"


def test_an_unfinished_quote_is_not_taken_for_anything(bench: Bench) -> None:
    with pytest.raises(InvalidInput):
        explain_what_if(bench, WhatIf((), "ann", NOON))
