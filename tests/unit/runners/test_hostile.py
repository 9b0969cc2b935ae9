"""Hostile values in every input of every runner: refused, or taken as what they are and nothing more.

Those for Postgres meet a real server in tests/integration/postgres/test_hostile.py. What is tried on all runners alike
needs their inputs only: a runner that is new gives a line in `GOOD`.
"""

import json
import os
import re
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import asyncssh
import httpx2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import JitbotError, NotGranted, RunnerError
from jitbot.outbound.addresses import header_value
from jitbot.outbound.hosts import allowed
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.command import CommandRunner
from jitbot.runners.config_file.runner import ConfigFile
from jitbot.runners.guard import TARGET_CHARACTERS
from jitbot.runners.http import HttpRunner
from jitbot.runners.registry import Registry
from jitbot.runners.ssh.certificate import CertificateRunner
from jitbot.testing.runners import ContractRun
from tests.hostile import ALLOWED, HOSTS, values
from tests.servers import AServer
from tests.sshd import a_key, private, public

FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=100, deadline=None)

KEY = public(a_key())
SERVER = {"host": "db.example.com", "port": 5432, "database": "shop", "user": "jitbot", "password": {"secret": "pg"}}
LOGIN = {"host": "web.example.com", "port": 22, "user": "jitbot", "key": {"secret": "ssh"}, "host_keys": [KEY]}
CLUSTER = {"server": "https://k8s.example.com:6443", "token": {"secret": "k8s"}, "ca": "/etc/jitbot/ca.crt"}
GOOD: dict[str, dict[str, Any]] = {
    "command": {
        "argv": ["/bin/act", "a"], "undo_argv": ["/bin/undo", "a"], "check_argv": ["/bin/look", "a"], "target": "t",
        "plan_argv": ["/bin/plan", "a"], "folder": "/srv", "env": ["LANG"], "variables": {"A": "b"},
    },
    "config.file": {"folder": "/srv", "file": "app.yml", "key": ["a"], "value": "b"},
    "haproxy.server": {"host": "lb.example.com:9999", "backend": "web", "server": "a", "to": "drain"},
    "http": {
        "method": "PUT", "url": "https://api.example.com/x", "path": ["a"], "query": {"q": "a"},
        "headers": {"X-A": "b"}, "text": "a", "target": "t", "receipt": {"id": "/id"},
    },
    "kubernetes.node": {**CLUSTER, "node": "n1", "to": "drain"},
    "kubernetes.restart": {**CLUSTER, "namespace": "shop", "deployment": "web"},
    "kubernetes.role_binding": {**CLUSTER, "namespace": "shop", "role": "debug", "user": "ann@example.com"},
    "kubernetes.rollback": {**CLUSTER, "namespace": "shop", "deployment": "web", "revision": 1},
    "kubernetes.scale": {**CLUSTER, "namespace": "shop", "statefulset": "web", "replicas": 2},
    "postgres.backend": {
        **SERVER, "pid": 7, "backend_start": "2026-11-25 14:00:00+00", "how": "cancel", "login": "ann",
    },
    "postgres.login": {**SERVER, "login": "ann", "roles": ["reader"], "objects_to": "owner"},
    "postgres.parameter": {**SERVER, "parameter": "work_mem", "value": "64MB", "login": "ann", "in_database": "shop"},
    "postgres.role": {**SERVER, "role": "reader", "login": "ann"},
    "postgres.statement": {
        **SERVER, "statement": "SELECT $1", "values": ["a"], "max_rows": 1, "mask": ["email"], "authority": "/ca.pem",
    },
    "ssh.certificate": {
        "public_key": KEY, "ca": {"secret": "ca"}, "principals": ["ann"], "source_addresses": ["10.0.0.0/8"],
        "force_command": "true", "krl": "/srv/krl",
    },
    "ssh.command": {
        **LOGIN, "argv": ["/bin/act", "a"], "undo_argv": ["/bin/undo", "a"], "check_argv": ["/bin/look", "a"],
        "plan_argv": ["/bin/plan", "a"], "target": "t",
    },
    "ssh.systemd": {
        **LOGIN, "unit": "web.service", "verb": "start", "systemctl": "/usr/bin/systemctl", "sudo": "/usr/bin/sudo",
    },
}  # fmt: skip
"""Inputs that each runner takes, with a value in every field that takes text."""
ELSEWHERE = {
    each for each in entry_points(group="jitbot.runners").names if each.startswith(("argocd.", "aws.", "github."))
}
"""Runners that meet hostile values in their own tests: test_github_inputs.py, test_argocd_answers.py, those in aws/."""
INSTEAD = {"socket", "known_hosts", "valid_for", "deployment", "statefulset", "daemonset"}
INSTEAD |= {"cluster_role", "group", "service_account"}
"""What is given instead of others."""
OF_THEIR_OWN = {"source_addresses", "backend_start"}
"""Networks and instants have a form of their own, in which they are kept."""


def test_every_runner_of_the_house_is_tried() -> None:
    house = {each.name for each in entry_points(group="jitbot.runners") if each.dist and each.dist.name == "jitbot"}
    assert house == set(GOOD) | ELSEWHERE


@pytest.mark.parametrize("name", GOOD)
def test_good_inputs_are_good_and_every_text_is_among_them(name: str) -> None:
    model = Registry([name], EnvironmentSite(())).runner(name).Inputs
    model.model_validate(GOOD[name])
    texts = {field for field, about in model.model_fields.items() if re.search(r"\bstr\b", str(about.annotation))}
    assert texts - set(GOOD[name]) <= INSTEAD


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the texts in some inputs stand."""
    if isinstance(value, str):
        return [at]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in pairs for place in _places(each, (*at, key))]


def _with(value: Any, at: tuple[Any, ...], text: str) -> Any:
    if not at:
        return text
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    changed = {key: _with(each, at[1:], text) if key == at[0] else each for key, each in pairs}
    return changed if isinstance(value, dict) else list(changed.values())


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_hostile_value_anywhere_is_refused_or_kept_as_it_is(name: str, data: st.DataObject) -> None:
    runner = Registry([name], EnvironmentSite(())).runner(name)
    at = data.draw(st.sampled_from(_places(GOOD[name])))
    text = data.draw(values())
    inputs = _with(GOOD[name], at, text)
    try:
        told = runner.Inputs.model_validate(inputs)
    except ValidationError:
        return
    kept: Any = told.model_dump(mode="json", by_alias=True)
    for step in at:
        kept = kept[step] if not isinstance(kept, dict) or step in kept else kept[str(step)]
    if at[0] not in OF_THEIR_OWN:
        assert kept.casefold() == text.casefold() if at[0] == "host" else kept == text
    try:
        target = runner.target(told)
    except RunnerError:
        return
    assert 0 < len(target) <= TARGET_CHARACTERS


# Words of programs


@FEW
@given(st.lists(values(), min_size=1, max_size=4), values())
def test_words_and_variables_reach_a_program_as_they_are(words: list[str], variable: str) -> None:
    runner, run = CommandRunner(EnvironmentSite(())), ContractRun()
    script = 'import json, os, sys; print("::receipt " + json.dumps({"argv": sys.argv[1:], "a": os.environ["A"]}))'
    python = [sys.executable, "-I", "-S", "-c", script]
    try:
        told = runner.Inputs.model_validate({"argv": [*python, *words], "variables": {"A": variable}})
    except ValidationError:
        assert "" in words or any("\0" in word or "\ud800" in word for word in (*words, variable))
        return
    try:
        receipt = runner.start(told, run)
    except RunnerError as error:
        assert any("\ud800" in word for word in (*words, variable)), error
        return
    assert receipt.data == {"argv": words, "a": variable}


# Addresses, headers and bodies


@MANY
@given(st.sampled_from(HOSTS), st.sampled_from(["", ":80", ":443", ":0", ":65536", ":22"]), values())
def test_no_address_leads_to_another_host_than_the_one_that_is_allowed(host: str, port: str, path: str) -> None:
    for scheme in ("https", "http", "file", "gopher", "HTTPS"):
        url = f"{scheme}://{host}{port}/{path}"
        try:
            led = allowed(url, EnvironmentSite([ALLOWED]))
            told = HttpRunner.Inputs.model_validate({"method": "PUT", "url": url})
        except (NotGranted, ValidationError):
            continue
        assert led.host == httpx2.URL(told.model_dump()["url"]).host == ALLOWED


@MANY
@given(values())
def test_no_value_of_a_header_begins_another_one(value: str) -> None:
    try:
        kept = header_value(value)
    except ValueError:
        return
    assert kept == value
    assert not {"\r", "\n", "\0"} & set(value)
    assert value.isascii()


@FEW
@given(values(storable=True), values(storable=True), values(storable=True))
def test_what_is_sent_arrives_as_one_request_with_those_values(echo, step: str, asked: str, body: str) -> None:
    assume(not HttpRunner.reserved.search(f"{step} {asked} {body}"))  # nobody may type these: see test_deciding.py
    runner = HttpRunner(EnvironmentSite([echo.host]))
    values = {"method": "POST", "url": f"{echo.url}/a", "path": [step], "query": {"q": asked}, "json": {"b": body}}
    before = len(echo.seen)
    try:
        told = runner.Inputs.model_validate(values)
        runner.plan(told)
        runner.start(told, ContractRun())
    except (ValidationError, JitbotError):
        pass
    sent = echo.seen[before:]
    assert len(sent) <= 1
    for seen in sent:
        url = httpx2.URL(f"http://x{seen.path}")
        assert url.raw_path.count(b"/") == 2
        assert dict(url.params) == {"q": asked}
        assert json.loads(seen.body) == {"b": body}
        assert "x-evil" not in seen.headers


@pytest.fixture(scope="module")
def echo():
    with AServer() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


# Files


@FEW
@given(file=values(), key=values(), value=values())
def test_no_file_but_the_one_that_is_meant_is_touched(tmp_path_factory, file: str, key: str, value: str) -> None:
    top = tmp_path_factory.mktemp("files")
    granted = top / "granted"
    granted.mkdir()
    for place in (top, granted):
        (place / "app.yml").write_text("a: 1  # one\nb: {c: 2}\n")
        (place / "b.json").write_text("{}\n")
    runner = ConfigFile(EnvironmentSite((), {}, [granted]))
    for name in (file, f"{file}.yml", "app.yml"):
        before = _tree(top)
        try:
            told = runner.Inputs.model_validate({"folder": str(granted), "file": name, "key": [key], "value": value})
            receipt = runner.start(told, ContractRun())
        except (ValidationError, JitbotError):
            assert _tree(top) == before
            continue
        changed = {path for path, text in _tree(top).items() if before.get(path) != text}
        assert {path for path in changed if not path.endswith(".jitbot")} <= {os.path.normpath(f"granted/{name}")}
        assert runner.check(told, receipt).state.value == "healthy"
        runner.undo(told, receipt, ContractRun())
        assert _tree(top) == before


def _tree(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}


# Certificates


@FEW
@given(principal=values(), command=values())
def test_a_certificate_says_what_was_told_and_no_more(principal: str, command: str) -> None:
    runner = CertificateRunner(EnvironmentSite((), {"JITBOT_SECRET_CA": private(CA)}))
    inputs = {"public_key": KEY, "ca": {"secret": "ca"}, "principals": [principal], "valid_for": "5m"}
    try:
        told = runner.Inputs.model_validate({**inputs, "force_command": command})
    except ValidationError:
        return
    line = runner.start(told, ContractRun()).data["certificate"]
    signed = asyncssh.import_certificate(line)
    assert signed.principals == [principal]
    assert signed.options["force-command"] == command
    assert set(signed.options) == {"force-command", "permit-pty"}


CA = a_key()


def test_ssh_keygen_reads_a_hostile_command_as_one(tmp_path: Path) -> None:
    runner = CertificateRunner(EnvironmentSite((), {"JITBOT_SECRET_CA": private(CA)}))
    inputs = {"public_key": KEY, "ca": {"secret": "ca"}, "principals": ["ann"], "valid_for": "5m"}
    told = runner.Inputs.model_validate({**inputs, "force_command": "x,permit-port-forwarding source-address=*"})
    (tmp_path / "cert.pub").write_text(runner.start(told, ContractRun()).data["certificate"])
    said = subprocess.run(["ssh-keygen", "-L", "-f", tmp_path / "cert.pub"], capture_output=True, text=True, check=True)
    options = said.stdout.split("Critical Options:")[1]
    assert options.split("Extensions:")[0].split() == ["force-command", "x,permit-port-forwarding", "source-address=*"]
    assert options.split("Extensions:")[1].split() == ["permit-pty"]
