"""No credential comes through what a runner says, in whatever it says it: known ones, and what looks like one."""

import logging

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.guard import Guarded
from jitbot.runners.output import Lines
from tests.unit.runners.conftest import ARun
from tests.unit.runners.test_guard import Inputs, Plugin

KEY = "\n".join(
    ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU" * 2, "AAAAC3NzaC1lZDI1NTE5AAAAI", "kQ==",
     "-----END OPENSSH PRIVATE KEY-----"]
)  # fmt: skip
CANARIES = {
    "a known secret": "hunter2/ü&",
    "a token of GitHub": "ghp_" + "a1B2" * 9,
    "a key id of AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "dozjgNryP4J3jVmNHl0w5N",
}


@pytest.fixture(params=CANARIES.values(), ids=CANARIES)
def canary(request: pytest.FixtureRequest) -> str:
    return request.param


def says(site: EnvironmentSite, **answers: object) -> Guarded:
    return Guarded("acme", Plugin(**answers), site)


def test_a_plan(site: EnvironmentSite, canary: str) -> None:
    plan = says(site, plan=Plan(f"set {canary}", "f", diff=f"-a\n+{canary}")).plan(Inputs())
    assert (plan.summary, plan.diff) == (f"set {HIDDEN}", f"-a\n+{HIDDEN}")


def test_a_receipt_with_its_summary(site: EnvironmentSite, canary: str) -> None:
    data = {"id": 7, "deep": [{"said": f"got {canary}"}], canary: "x"}
    receipt = says(site, start=Receipt(data, f"done with {canary}")).start(Inputs(), ARun())
    assert receipt.data == {"id": 7, "deep": [{"said": f"got {HIDDEN}"}], HIDDEN: "x"}
    assert receipt.summary == f"done with {HIDDEN}"


def test_lines_of_a_start_and_of_an_undo(site: EnvironmentSite, canary: str) -> None:
    run = ARun()

    def speak(given: ARun) -> Receipt:
        given.log(f"line {canary}")
        return Receipt({})

    says(site, start=speak).start(Inputs(), run)
    says(site, undo=speak).undo(Inputs(), None, run)
    assert run.lines == [f"line {HIDDEN}"] * 2


@pytest.mark.parametrize("kind", [RunnerRefused, RunnerUnsure])
def test_errors(site: EnvironmentSite, canary: str, kind: type[Exception]) -> None:
    runner = says(site, plan=kind(f"no {canary}"), start=kind(f"no {canary}"), undo=kind(f"no {canary}"))
    steps = (
        lambda: runner.plan(Inputs()),
        lambda: runner.start(Inputs(), ARun()),
        lambda: runner.undo(Inputs(), None, ARun()),
    )
    for step in steps:
        with pytest.raises(kind) as caught:
            step()
        assert str(caught.value) == f"no {HIDDEN}"


def test_health_and_why_it_is_unknown(site: EnvironmentSite, canary: str) -> None:
    bad = says(site, check=Health(HealthState.UNHEALTHY, f"answers {canary}")).check(Inputs(), None)
    unknown = says(site, check=RunnerUnsure(f"no answer to {canary}")).check(Inputs(), None)
    assert (bad.detail, unknown.detail) == (f"answers {HIDDEN}", f"no answer to {HIDDEN}")


def test_who_holds_a_privilege(site: EnvironmentSite, canary: str) -> None:
    plugin = Plugin()
    plugin.privileges = lambda inputs: [Privilege("t", f"ann {canary}")]  # type: ignore[attr-defined]
    [found] = Guarded("acme", plugin, site).privileges(Inputs()) or []
    assert found.holder == f"ann {HIDDEN}"


def test_a_private_key_in_lines_in_a_diff_and_in_a_receipt(site: EnvironmentSite) -> None:
    run = ARun()

    def speak(given: ARun) -> Receipt:
        for line in ["before", *KEY.split("\n"), "after"]:
            given.log(line)
        return Receipt({"files": KEY.split("\n"), "whole": KEY})

    receipt = says(site, start=speak).start(Inputs(), run)
    plan = says(site, plan=Plan("p", "f", diff="\n".join(f"+{line}" for line in KEY.split("\n")))).plan(Inputs())
    said = "\n".join([*run.lines, str(receipt.data), plan.diff])
    assert not [part for part in KEY.split("\n") if part in said]
    assert (run.lines[0], run.lines[-2]) == ("before", "after")


def test_a_private_key_in_the_output_of_a_program_and_in_how_it_ends() -> None:
    shown: list[str] = []
    lines = Lines(shown.append, EnvironmentSite((), {}).redact)
    for byte in f"reads\n{KEY}\n".encode():
        lines.feed(bytes([byte]))
    lines.close()
    assert shown == ["reads", *[HIDDEN] * 5]
    assert lines.last == HIDDEN


def test_what_stands_under_the_name_of_a_credential_is_none_to_keep(site: EnvironmentSite) -> None:
    run = ARun()
    given = Receipt({"password": "correct horse", "id": "grant-7", "list": [{"apiKey": "correct"}], "token": 7})
    receipt = says(site, start=given).start(Inputs(), run)
    assert receipt.data == {"password": HIDDEN, "id": "grant-7", "list": [{"apiKey": HIDDEN}], "token": 7}
    assert run.lines == ["What looks like a secret was taken out of the receipt: an undo that needs it cannot have it."]


def test_a_receipt_without_any_is_kept_as_it_is_and_nothing_is_said(site: EnvironmentSite) -> None:
    run = ARun()
    data = {"id": "550e8400-e29b-41d4-a716-446655440000", "sha": "3b18e512dba79e4c8300dd08aeb37f8e728b8dad", "n": [1]}
    assert says(site, start=Receipt(data)).start(Inputs(), run).data == data
    assert run.lines == []


def test_a_broken_runner_says_nothing_of_what_it_threw(
    site: EnvironmentSite, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(RunnerUnsure) as caught:
        says(site, start=ValueError(canary)).start(Inputs(), ARun())
    assert canary not in str(caught.value)
    assert canary not in caplog.text
