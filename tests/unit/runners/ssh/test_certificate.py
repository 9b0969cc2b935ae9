"""Certificates, held against OpenSSH itself: ssh-keygen reads them, its client logs in with them, sshd judges them."""

import base64
import json
import os
import re
import struct
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.guard import RECEIPT_BYTES, Guarded
from jitbot.runners.ssh.certificate import CertificateRunner, serial
from tests.sshd import a_key, private, public


@pytest.fixture
def runner(site):
    return CertificateRunner(site)


@pytest.fixture
def key(far, tmp_path: Path) -> Path:
    return far.requester(tmp_path)


@pytest.fixture
def told(far, key):
    def make(**more):
        usual = {"public_key": key.with_suffix(".pub").read_text(), "ca": {"secret": "ca"}, "principals": [far.user]}
        ends = {} if "valid_for" in more else {"krl": str(far.krl)}
        return CertificateRunner.Inputs.model_validate(usual | ends | more)

    return make


@pytest.fixture
def granted(a_run):
    """Return a run whose grant ends after so many seconds."""

    def make(seconds: float = 600, **more):
        return a_run(until=datetime.fromtimestamp(time.time() + seconds, UTC), **more)

    return make


def hand(receipt: Receipt, key: Path) -> None:
    key.with_name(f"{key.name}-cert.pub").write_text(receipt.data["certificate"] + "\n")


def read(certificate: str, folder: Path) -> str:
    """Return what ssh-keygen says of a certificate, in UTC."""
    (folder / "read.pub").write_text(certificate + "\n")
    command = ["ssh-keygen", "-L", "-f", folder / "read.pub"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"})
    return re.sub(r"\s+", " ", done.stdout)


# What is signed


def test_it_says_exactly_what_the_policy_says(runner, far, told, granted, tmp_path: Path) -> None:
    inputs = told(
        principals=["deploy", "ann@db"], extensions=["permit-port-forwarding"], source_addresses=["10.1.0.0/16"],
        force_command="/usr/bin/id -u",
    )  # fmt: skip
    run = granted(key="jit-7-1")
    said = read(runner.start(inputs, run).data["certificate"], tmp_path)
    assert f"Signing CA: ED25519 {asyncssh.import_public_key(public(far.ca)).get_fingerprint()}" in said
    assert 'Key ID: "jitbot:jit-7-1"' in said
    assert f"Serial: {serial('jit-7-1')}" in said
    assert (
        "Principals: deploy ann@db Critical Options: force-command /usr/bin/id -u source-address 10.1.0.0/16 " in said
    )
    assert "Extensions: permit-port-forwarding" in said
    assert "permit-pty" not in said
    assert f" to {run.until:%Y-%m-%dT%H:%M:%S}" in said


def test_it_ends_with_the_grant_to_the_second_and_never_after(runner, told, granted) -> None:
    run = granted(600.9)
    receipt = runner.start(told(), run)
    assert receipt.data["valid_before"] == int(run.until.timestamp()) <= run.until.timestamp()


def test_without_a_timebox_it_ends_by_itself(runner, told, a_run, granted) -> None:
    assert 299 <= runner.start(told(valid_for="5m"), a_run()).data["valid_before"] - time.time() <= 300
    sooner = granted(60)
    assert runner.start(told(valid_for="5m"), sooner).data["valid_before"] == int(sooner.until.timestamp())


def test_it_is_handed_out_whole(runner, told, granted) -> None:
    run = granted()
    receipt = runner.start(told(), run)
    assert run.lines[-1] == receipt.data["certificate"]
    assert "-cert.pub" in run.lines[0]


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "ecdsa-sha2-nistp384"])
def test_other_kinds_of_keys_and_long_certificates(runner, told, granted, tmp_path: Path, algorithm) -> None:
    size = {"key_size": 4096} if algorithm == "ssh-rsa" else {}
    other = asyncssh.generate_private_key(algorithm, **size)
    site = EnvironmentSite((), {"JITBOT_SECRET_CA": private(other)}, [tmp_path])
    run = granted()
    guarded = Guarded("ssh.certificate", CertificateRunner(site), site)
    receipt = guarded.start(told(public_key=public(other)), run)
    assert "".join(run.lines[1:]) == receipt.data["certificate"]
    assert read(receipt.data["certificate"], tmp_path)
    assert len(json.dumps(dict(receipt.data))) < RECEIPT_BYTES / 2


def test_a_key_in_hardware_can_be_signed(runner, told, granted, tmp_path: Path) -> None:
    blob = b"".join(
        struct.pack(">I", len(part)) + part for part in (b"sk-ssh-ed25519@openssh.com", b"\x5b" * 32, b"ssh:")
    )
    line = f"sk-ssh-ed25519@openssh.com {base64.b64encode(blob).decode()}"
    assert "ED25519-SK-CERT" in read(runner.start(told(public_key=line), granted()).data["certificate"], tmp_path)


def test_the_key_of_the_authority_is_nowhere(runner, far, told, granted) -> None:
    run = granted()
    receipt = runner.start(told(), run)
    plan = runner.plan(told())
    everything = "\n".join([*run.lines, json.dumps(dict(receipt.data)), receipt.summary, plan.summary, plan.diff])
    for line in private(far.ca).splitlines()[1:-1]:
        assert line not in everything


# What sshd makes of it


def test_sshd_lets_in_whom_it_names_until_it_is_undone(runner, far, told, granted, key) -> None:
    assert not far.lets_in(key)
    receipt = runner.start(told(), granted())
    hand(receipt, key)
    assert far.lets_in(key)
    assert runner.check(told(), receipt).state is HealthState.HEALTHY
    runner.undo(told(), receipt, granted())
    assert not far.lets_in(key)
    assert runner.check(told(), receipt).state is HealthState.ABSENT


def test_sshd_lets_nobody_in_as_somebody_else(runner, far, told, granted, key) -> None:
    hand(runner.start(told(principals=["nobody-else"]), granted()), key)
    assert not far.lets_in(key)


def test_sshd_lets_nobody_in_from_elsewhere(runner, far, told, granted, key) -> None:
    hand(runner.start(told(source_addresses=["10.0.0.0/8"]), granted()), key)
    assert not far.lets_in(key)


def test_sshd_lets_nobody_in_after_the_end_though_nothing_is_undone(runner, far, told, granted, key) -> None:
    receipt = runner.start(told(), granted(3))
    hand(receipt, key)
    assert far.lets_in(key)
    time.sleep(max(0.0, receipt.data["valid_before"] - time.time()) + 0.1)
    assert not far.lets_in(key)
    assert runner.check(told(), receipt).state is HealthState.ABSENT
    before = far.krl.read_bytes()
    runner.undo(told(), receipt, granted(0))
    assert far.krl.read_bytes() == before  # nothing is left that could be revoked


def test_what_was_lost_before_its_receipt_is_revoked_by_the_runs_key(runner, far, told, granted, key) -> None:
    hand(runner.start(told(), granted(key="jit-9-1")), key)
    assert runner.check(told(), None).state is HealthState.UNKNOWN
    runner.undo(told(), None, granted(key="jit-8-1"))
    assert far.lets_in(key)
    runner.undo(told(), None, granted(key="jit-9-1"))
    assert not far.lets_in(key)


def test_the_last_of_two_holders_revokes_both_even_where_the_first_has_ended(runner, far, told, granted, key) -> None:
    """The last to end is given the receipt of the first."""
    first = runner.start(told(), granted(key="jit-1-1"))
    second = runner.start(told(), granted(key="jit-2-1"))
    ended = Receipt({**first.data, "valid_before": 1})
    runner.undo(told(), ended, granted(key="jit-2-1"))
    assert [runner.check(told(), receipt).state for receipt in (first, second)] == [HealthState.ABSENT] * 2


def test_an_extension_signs_the_same_key_under_the_same_number_with_the_later_end(
    runner, far, told, granted, key, tmp_path: Path
) -> None:
    inputs, run, later = told(), granted(60, key="jit-7-1"), granted(3600, key="jit-7-1")
    receipt = runner.start(inputs, run)
    extended = runner.extend(inputs, receipt, later)
    said = read(extended.data["certificate"], tmp_path)
    assert f"Serial: {serial('jit-7-1')}" in said
    assert f" to {later.until:%Y-%m-%dT%H:%M:%S}" in said
    assert extended.data["valid_before"] == int(later.until.timestamp())
    hand(extended, key)
    assert far.lets_in(key)
    runner.undo(inputs, extended, later)
    assert not far.lets_in(key)


def test_an_extension_whose_receipt_was_lost_is_revoked_though_the_first_certificate_has_ended(
    runner, far, told, granted, key
) -> None:
    inputs, run, later = told(), granted(2), granted(3600)
    receipt = runner.start(inputs, run)
    hand(runner.extend(inputs, receipt, later), key)
    time.sleep(max(0.0, receipt.data["valid_before"] - time.time()) + 0.01)
    assert far.lets_in(key)
    runner.undo(inputs, receipt, later)
    assert not far.lets_in(key)


def test_the_number_of_the_first_holder_stays_in_the_receipt(runner, told, granted) -> None:
    first = runner.start(told(), granted(600, key="jit-1-1"))
    extended = runner.extend(told(), first, granted(3600, key="jit-2-1"))
    assert extended.data["serial"] == str(serial("jit-1-1"))


def test_what_is_revoked_is_not_extended(runner, told, granted) -> None:
    run = granted()
    receipt = runner.start(told(), run)
    runner.undo(told(), receipt, run)
    with pytest.raises(RunnerRefused, match="revoked or has ended"):
        runner.extend(told(), receipt, granted(3600))


def test_what_has_an_end_of_its_own_is_not_extended(runner, told, granted) -> None:
    with pytest.raises(RunnerRefused, match="`valid_for`"):
        runner.extend(told(valid_for="5m"), None, granted(3600))


def test_those_revoked_before_stay_revoked(runner, far, told, granted) -> None:
    receipts = [runner.start(told(), granted(key=f"jit-{number}-1")) for number in range(3)]
    for number, receipt in enumerate(receipts[:2]):
        runner.undo(told(), receipt, granted(key=f"jit-{number}-1"))
    states = [runner.check(told(), receipt).state for receipt in receipts]
    assert states == [HealthState.ABSENT, HealthState.ABSENT, HealthState.HEALTHY]


def test_two_at_once_both_revoke(runner, told, granted) -> None:
    receipts = [runner.start(told(), granted(key=f"jit-{number}-1")) for number in range(8)]
    runs = [granted(key=f"jit-{number}-1") for number in range(8)]
    threads = [threading.Thread(target=runner.undo, args=(told(), *both)) for both in zip(receipts, runs, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {runner.check(told(), receipt).state for receipt in receipts} == {HealthState.ABSENT}


# What cannot be done


def test_nothing_is_signed_that_could_not_be_revoked(runner, told, granted, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        for step in (runner.plan, lambda inputs: runner.start(inputs, granted())):
            with pytest.raises(RunnerRefused, match=r"could not be revoked.*ssh-keygen -k -f"):
                step(told(krl=str(path)))


def test_a_krl_that_is_none_is_left_alone_and_said(runner, far, told, granted) -> None:
    receipt = runner.start(told(), granted())
    far.krl.write_text("ssh-ed25519 what\n")
    with pytest.raises(RunnerUnsure, match="is not revoked"):
        runner.undo(told(), receipt, granted())
    assert far.krl.read_text() == "ssh-ed25519 what\n"
    assert runner.check(told(), receipt).state is HealthState.UNKNOWN
    assert sorted(path.name for path in far.krl.parent.glob(".jitbot-krl-*")) == []


def test_the_mode_of_a_krl_is_kept(runner, far, told, granted) -> None:
    far.krl.chmod(0o644)
    runner.undo(told(), None, granted())
    assert far.krl.stat().st_mode & 0o777 == 0o644


def test_a_grant_without_an_end_is_refused(runner, told, a_run) -> None:
    with pytest.raises(RunnerRefused, match="no timebox"):
        runner.start(told(), a_run())


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_grant_that_is_over_is_refused(runner, told, granted, seconds) -> None:
    with pytest.raises(RunnerRefused, match="over already"):
        runner.start(told(), granted(seconds))


def test_a_run_whose_time_is_over_signs_nothing(runner, told, granted) -> None:
    with pytest.raises(RunnerRefused, match="over before it began"):
        runner.start(told(), _late(granted))


def _late(granted):
    run = granted()
    run.deadline = datetime.now(UTC) - timedelta(seconds=1)
    return run


def test_an_authority_that_is_no_key_is_told_without_its_text(told, granted, tmp_path: Path) -> None:
    runner = CertificateRunner(EnvironmentSite((), {"JITBOT_SECRET_CA": "hunter2hunter2"}, [tmp_path]))
    for step in (runner.plan, lambda inputs: runner.start(inputs, granted())):
        with pytest.raises(NotGranted, match="'ca' is no private key") as caught:
            step(told())
        assert "hunter2" not in str(caught.value)


def test_a_short_rsa_key_is_not_signed(runner, told, granted) -> None:
    line = public(asyncssh.generate_private_key("ssh-rsa", key_size=1024))
    for step in (runner.plan, lambda inputs: runner.start(inputs, granted())):
        with pytest.raises(RunnerRefused, match="less than 2048 bits"):
            step(told(public_key=line))


def test_what_ends_by_itself_cannot_be_taken_back(runner, told, a_run) -> None:
    inputs = told(valid_for="5m")
    assert not runner.plan(inputs).undoable
    receipt = runner.start(inputs, a_run())
    assert runner.check(inputs, receipt).state is HealthState.HEALTHY
    with pytest.raises(RunnerRefused, match="ends by itself"):
        runner.undo(inputs, receipt, a_run())
    runner.undo(inputs, Receipt({**receipt.data, "valid_before": 1}), a_run())


# What people approve


def test_a_plan_says_whom_it_lets_in_where_and_how(runner, told) -> None:
    plan = runner.plan(told(principals=["deploy"], source_addresses=["10.1.0.0/16"], force_command="/bin/x\u202ey"))
    assert plan.summary.startswith("Sign the key SHA256:")
    assert plan.summary.endswith(", to log in as deploy")
    assert plan.diff.splitlines() == [
        "+ log in as deploy", "+ permit-pty", "+ only from 10.1.0.0/16", "+ only to run /bin/x\\u202ey"
    ]  # fmt: skip
    assert plan.undoable


def test_another_authority_is_another_plan(runner, far, told) -> None:
    other = CertificateRunner(EnvironmentSite((), {"JITBOT_SECRET_CA": private(a_key())}, [far.folder.parent]))
    assert runner.plan(told()).fingerprint != other.plan(told()).fingerprint


def test_a_target_is_a_key_and_whom_it_lets_in(runner, told) -> None:
    assert runner.target(told(principals=["a", "b"])) == runner.target(told(principals=["b", "a"]))
    targets = {runner.target(told(**more)) for more in ({}, {"principals": ["c"]}, {"public_key": public(a_key())})}
    assert len(targets) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"public_key": "ssh-ed25519 AAAA"}, "no public key"),
        ({"public_key": "ssh-ed25519"}, "one public key"),
        ({"public_key": ""}, "one public key"),
        ({"principals": []}, "at least 1"),
        ({"principals": ["*"]}, "pattern"),
        ({"principals": ["root,ann"]}, "pattern"),
        ({"principals": ["-x"]}, "pattern"),
        ({"principals": ["a\nb"]}, "pattern"),
        ({"principals": ["a\n"]}, "pattern"),
        ({"extensions": ["permit-everything"]}, "permit-pty"),
        ({"source_addresses": ["10.1.0.1/16"]}, "host bits"),
        ({"source_addresses": ["example.com"]}, "address or a network"),
        ({"force_command": "a\nb"}, "pattern"),
        ({"force_command": ""}, "at least 1"),
        ({"ca": "text"}, "dictionary|instance"),
        ({"krl": "revoked"}, "full path"),
        ({"krl": None}, "one of the two"),
        ({"valid_for": "5m", "krl": "/x"}, "one of the two"),
        ({"valid_for": "25h"}, "between 1m and 1d"),
        ({"valid_for": "59s"}, "between"),
        ({"valid_for": "soon"}, "not a duration"),
        ({"key_id": "x"}, "not permitted"),
    ],
)
def test_wrong_inputs_are_refused(told, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        told(**changes)


def test_neither_a_private_key_nor_a_certificate_is_taken_for_a_public_key(runner, far, told, granted) -> None:
    for line in (private(a_key()), runner.start(told(), granted()).data["certificate"], f"{public(a_key())}\nx y"):
        with pytest.raises(ValidationError):
            told(public_key=line)


def test_a_comment_and_options_are_not_taken_over(told) -> None:
    line = public(a_key())
    assert told(public_key=f" {line} ann@laptop; rm -rf / ").public_key == " ".join(line.split()[:2])
    with pytest.raises(ValidationError):
        told(public_key=f'command="x" {line}')


@given(st.text(max_size=60))
def test_no_text_is_a_key_by_accident(text) -> None:
    with pytest.raises(ValidationError):
        CertificateRunner.Inputs.model_validate(
            {"public_key": text, "ca": {"secret": "ca"}, "principals": ["a"], "valid_for": "5m"}
        )


@given(st.text(max_size=12))
def test_serial_numbers_fit(key) -> None:
    assert 0 <= serial(key) < 2**64


def test_a_file_outside_of_what_the_operator_grants_is_never_written(told, granted, far, tmp_path: Path) -> None:
    other = CertificateRunner(EnvironmentSite((), far.secrets(), [tmp_path / "elsewhere"]))
    for step in (
        other.plan,
        lambda inputs: other.start(inputs, granted()),
        lambda inputs: other.undo(inputs, None, granted()),
    ):
        with pytest.raises(NotGranted, match="it is not below JITBOT_RUNNER_PATHS"):
            step(told())
    receipt = Receipt({"certificate": "x", "serial": "1", "valid_before": time.time() + 60})
    assert other.check(told(), receipt).state is HealthState.UNKNOWN
