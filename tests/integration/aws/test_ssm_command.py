"""Run Command of Systems Manager: what is sent, what comes back, and what each outcome means."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.text import KEPT_CHARACTERS
from jitbot.runners.aws.ssm_command import SsmCommand
from jitbot.runners.aws.ssm_inputs import SsmInputs
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import DOCUMENT, FAST, SHORT, SLOW, AnAccount, a_document, aws, aws_url

__all__ = ["aws", "aws_url"]


class Restart:
    """The document `restart`, and two instances."""

    def __init__(self, aws: AnAccount, **more: object) -> None:
        self.runner = SsmCommand(aws.site, FAST)
        self.inputs = SsmInputs.model_validate(aws.inputs(**{**a_document(aws), **more}))
        self.run = ContractRun()

    def start(self, seconds: float = 30):
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.runner.start(self.inputs, self.run)


def scripted(aws: AnAccount, restart: Restart, *outcomes: dict[str, str]) -> None:
    aws.script(ssm=dict(zip(restart.inputs.instances, outcomes, strict=False)))


def test_it_is_waited_for_and_its_output_is_shown(aws) -> None:
    restart = Restart(aws)
    first, second = restart.inputs.instances
    scripted(aws, restart, {"StandardOutputContent": "one\ntwo\n", "StandardErrorContent": "a word\n"})
    receipt = restart.start()
    assert restart.run.lines[1:] == [f"{first}: Success", "one", "two", "a word", f"{second}: Success", "done"]
    assert restart.runner.check(restart.inputs, receipt).state is HealthState.HEALTHY
    assert restart.runner.check(restart.inputs, None).state is HealthState.UNKNOWN


def test_the_command_is_sent_as_it_was_planned(aws) -> None:
    restart = Restart(aws, parameters={"service": "orders", "flags": ["--now", "--quiet"]})
    document = aws.admin("ssm").describe_document(Name="restart")["Document"]
    plan = restart.runner.plan(restart.inputs)
    assert f"version 1, {document['Hash']}" in plan.diff
    assert "+ flags: --now ⏎ --quiet" in plan.diff
    restart.start()
    [command] = aws.admin("ssm").list_commands()["Commands"]
    assert command["Parameters"] == {"service": ["orders"], "flags": ["--now", "--quiet"]}
    assert (command["MaxConcurrency"], command["MaxErrors"]) == ("1", "0")
    assert command["Comment"] == "jitbot jit-1-1"


def test_a_document_that_was_written_anew_is_another_plan(aws) -> None:
    restart = Restart(aws)
    before = restart.runner.plan(restart.inputs).fingerprint
    ssm = aws.admin("ssm")
    content = ssm.get_document(Name="restart")["Content"].replace('"true"', '"false"')
    made = ssm.update_document(Name="restart", Content=content, DocumentVersion="$LATEST")["DocumentDescription"]
    ssm.update_document_default_version(Name="restart", DocumentVersion=made["DocumentVersion"])
    assert restart.runner.plan(restart.inputs).fingerprint != before


def test_a_line_without_an_end_is_cut(aws) -> None:
    restart = Restart(aws)
    scripted(aws, restart, {"StandardOutputContent": "x" * 24_000}, {"StandardOutputContent": "line\n" * 400})
    restart.start()
    longest = max(restart.run.lines, key=len)
    assert len(longest) < KEPT_CHARACTERS + 20
    assert longest.endswith("more)")
    assert restart.run.lines.count("line") == 400


FAILED = {"Status": "Failed"}
UNDELIVERABLE = {"Status": "Failed", "StatusDetails": "Undeliverable"}
LATE = {"Status": "TimedOut", "StatusDetails": "Delivery Timed Out"}
TOO_LONG = {"Status": "TimedOut", "StatusDetails": "Execution Timed Out"}


@pytest.mark.parametrize(
    ("outcomes", "kind", "words"),
    [
        ((FAILED,), RunnerUnsure, "Failed"),
        ((TOO_LONG,), RunnerUnsure, "ExecutionTimedOut"),
        (({"Status": "Cancelled"},), RunnerUnsure, "Cancelled"),
        ((UNDELIVERABLE,), RunnerUnsure, "Undeliverable"),
        ((UNDELIVERABLE, FAILED), RunnerUnsure, "Failed"),
        ((UNDELIVERABLE, LATE), RunnerRefused, "begun nowhere"),
    ],
)
def test_only_what_was_begun_nowhere_is_a_refusal(aws, outcomes, kind, words) -> None:
    restart = Restart(aws)
    scripted(aws, restart, *outcomes)
    with pytest.raises(kind, match=words):
        restart.start()


@pytest.mark.long
def test_what_is_not_over_in_time_is_unsure(aws) -> None:
    restart = Restart(aws)
    scripted(aws, restart, {"Status": "InProgress"})
    restart.runner = SsmCommand(aws.site, SLOW)
    with pytest.raises(RunnerUnsure, match=f"not at its end on {restart.inputs.instances[0]}"):
        restart.start(seconds=SHORT)


def test_a_lost_answer_is_unsure_and_the_command_is_not_sent_again(aws) -> None:
    restart = Restart(aws)
    aws.fault("SendCommand", what="cut after")
    with pytest.raises(RunnerUnsure, match="may be being run"):
        restart.start()
    assert len(aws.calls("SendCommand")) == 1
    states = [restart.runner.check_by_key(restart.inputs, key).state for key in ("jit-1-1", "jit-1-1", "jit-1-10")]
    assert states == [HealthState.UNKNOWN, HealthState.HEALTHY, HealthState.UNKNOWN]


def test_output_that_cannot_be_had_changes_nothing(aws) -> None:
    restart = Restart(aws)
    aws.fault("GetCommandInvocation", code="AccessDeniedException")
    receipt = restart.start()
    assert receipt.summary.startswith("restart succeeded on")
    assert any("cannot be had" in line for line in restart.run.lines)


def test_what_jitbot_may_not_do_is_refused(aws) -> None:
    restart = Restart(aws)
    aws.may("ssm:DescribeDocument")
    restart.runner = SsmCommand(aws.site, FAST)
    with pytest.raises(RunnerRefused, match="ssm:SendCommand"):
        restart.start()


def test_a_document_of_another_kind_is_refused(aws) -> None:
    restart = Restart(aws, document="automate", documents=["automate"])
    words = {"Name": "automate", "DocumentType": "Automation", "DocumentFormat": "JSON"}
    aws.admin("ssm").create_document(Content=json.dumps({**DOCUMENT, "schemaVersion": "0.3"}), **words)
    with pytest.raises(RunnerRefused, match="can be run as a command"):
        restart.runner.plan(restart.inputs)


def test_it_cannot_be_undone(aws) -> None:
    restart = Restart(aws)
    assert not restart.runner.undoable
    with pytest.raises(RunnerRefused, match="cannot be taken back"):
        restart.runner.undo(restart.inputs, None, restart.run)
