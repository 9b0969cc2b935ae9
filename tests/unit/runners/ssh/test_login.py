"""Logging in on a real sshd: who each side has to be, and what it means when it is not."""

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from jitbot.errors import NotGranted, RunnerRefused
from jitbot.model import Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.ssh.command import SshCommandRunner
from tests.sshd import a_key, private, public


@pytest.fixture
def runner(site):
    return SshCommandRunner(site)


@pytest.fixture
def told(far):
    return lambda *argv, **more: SshCommandRunner.Inputs.model_validate(far.inputs(argv=argv, **more))


# Who is who


def test_a_host_with_another_key_is_refused(runner, far, told, a_run, tmp_path: Path) -> None:
    inputs = told("/usr/bin/touch", f"{tmp_path}/x", host_keys=[public(a_key())])
    with pytest.raises(RunnerRefused, match="no key that is known"):
        runner.start(inputs, a_run())
    assert not (tmp_path / "x").exists()


def test_a_host_whose_key_has_changed_is_refused(runner, far, told, a_run, tmp_path: Path) -> None:
    inputs = told("/usr/bin/touch", f"{tmp_path}/x")
    runner.start(inputs, a_run())
    (tmp_path / "x").unlink()
    far.stop()
    far.new_host_key()
    far.start()
    for _ in range(2):  # nothing was learned from the first time
        with pytest.raises(RunnerRefused, match="somebody may be in between"):
            runner.start(inputs, a_run())
    assert not (tmp_path / "x").exists()


def known_hosts(far, tmp_path: Path, text: str):
    (tmp_path / "known").write_text(text)
    return {**far.inputs(argv=["/bin/true"], known_hosts=f"{tmp_path}/known"), "host_keys": []}


@pytest.mark.parametrize(
    ("line", "works"),
    [
        ("[127.0.0.1]:{port} {key}\n", True),
        ("127.0.0.1 {key}\n", True),
        ("elsewhere.example.com {key}\n", False),
        ("[127.0.0.1]:{port} {other}\n", False),
        ("@revoked * {key}\n[127.0.0.1]:{port} {key}\n", False),
        ("", False),
    ],
    ids=["its port", "its name", "another host", "another key", "revoked", "empty"],
)
def test_a_file_of_known_hosts_is_heeded(runner, far, a_run, tmp_path: Path, line, works) -> None:
    text = line.format(port=far.port, key=far.host_key, other=public(a_key()))
    inputs = runner.Inputs.model_validate(known_hosts(far, tmp_path, text))
    if works:
        runner.start(inputs, a_run())
    else:
        with pytest.raises(RunnerRefused, match="no key that is known"):
            runner.start(inputs, a_run())


def test_hashed_names_are_known(runner, far, a_run, tmp_path: Path) -> None:
    inputs = runner.Inputs.model_validate(known_hosts(far, tmp_path, f"[127.0.0.1]:{far.port} {far.host_key}\n"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", tmp_path / "known"], check=True, capture_output=True)
    assert "127.0.0.1" not in (tmp_path / "known").read_text()
    runner.start(inputs, a_run())


def test_an_authority_for_hosts_is_heeded(runner, far, a_run, tmp_path: Path) -> None:
    ca = a_key()
    host = asyncssh.import_public_key(far.host_key)
    for principal, works in (("127.0.0.1", True), ("elsewhere.example.com", False)):
        certificate = ca.generate_host_certificate(host, "host", principals=[principal])
        (far.folder / "host-cert.pub").write_bytes(certificate.export_certificate())
        far.stop()
        far.start(HostCertificate=f"{far.folder}/host-cert.pub")
        inputs = runner.Inputs.model_validate(known_hosts(far, tmp_path, f"@cert-authority * {public(ca)}\n"))
        if works:
            runner.start(inputs, a_run())
        else:
            with pytest.raises(RunnerRefused, match="no key that is known"):
                runner.start(inputs, a_run())


def test_a_host_that_asks_for_no_key_is_refused(far, told, a_run, tmp_path: Path) -> None:
    """Somebody in between who has the host's key could let in whoever comes; ours proves nothing then."""
    with a_host_open_to_all(far) as port:
        runner = SshCommandRunner(EnvironmentSite([f"127.0.0.1:{port}"], far.secrets()))
        with pytest.raises(RunnerRefused, match="Nothing was run"):
            runner.start(told("/bin/true", port=port), a_run())


@contextmanager
def a_host_open_to_all(far) -> Iterator[int]:
    """Run a server of the library's, since OpenSSH's never lets in without asking."""
    ready, done, port = threading.Event(), threading.Event(), []

    class Open(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    async def serve() -> None:
        key = str(far.folder / "host_key")
        async with asyncssh.listen("127.0.0.1", 0, server_factory=Open, server_host_keys=[key]) as server:
            port.append(server.get_port())
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield port[0]
    finally:
        done.set()
        thread.join()


def test_known_hosts_of_whoever_runs_jitbot_do_not_count(runner, far, a_run, tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home/.ssh"
    home.mkdir(parents=True)
    (home / "known_hosts").write_text(f"* {far.host_key}\n")
    (home / "config").write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(RunnerRefused, match="no key that is known"):
        runner.start(runner.Inputs.model_validate(known_hosts(far, tmp_path, "")), a_run())


def test_a_file_of_known_hosts_that_is_not_granted_is_not_read(runner, far, a_run) -> None:
    values = {**far.inputs(argv=["/bin/true"], known_hosts="/etc/ssh/ssh_known_hosts"), "host_keys": []}
    with pytest.raises(NotGranted, match="it is not below JITBOT_RUNNER_PATHS"):
        runner.start(runner.Inputs.model_validate(values), a_run())


def test_a_file_of_known_hosts_that_is_not_there_is_refused(runner, far, a_run, tmp_path: Path) -> None:
    values = {**far.inputs(argv=["/bin/true"], known_hosts=f"{tmp_path}/no/such/file"), "host_keys": []}
    for step in (runner.plan, lambda inputs: runner.start(inputs, a_run())):
        with pytest.raises(RunnerRefused, match="cannot be read"):
            step(runner.Inputs.model_validate(values))


def test_a_file_that_is_none_of_known_hosts_is_refused_without_a_word_of_it(runner, far, a_run, tmp_path: Path) -> None:
    inputs = runner.Inputs.model_validate(known_hosts(far, tmp_path, "@what root:hunter2:1\n"))
    with pytest.raises(RunnerRefused) as caught:
        runner.start(inputs, a_run())
    assert "hunter2" not in str(caught.value)


def test_another_key_is_not_let_in(far, told, a_run, tmp_path: Path) -> None:
    runner = SshCommandRunner(EnvironmentSite([far.address], {"JITBOT_SECRET_SSH": private(a_key())}))
    with pytest.raises(RunnerRefused, match="was not let in with this key"):
        runner.start(told("/usr/bin/touch", f"{tmp_path}/x"), a_run())
    assert not (tmp_path / "x").exists()


def test_the_agent_of_whoever_runs_jitbot_does_not_count(far, told, a_run, tmp_path: Path, monkeypatch) -> None:
    with an_agent(private(far.key), tmp_path) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        runner = SshCommandRunner(EnvironmentSite([far.address], {"JITBOT_SECRET_SSH": private(a_key())}))
        with pytest.raises(RunnerRefused, match="was not let in"):
            runner.start(told("/bin/true"), a_run())


@contextmanager
def an_agent(key: str, folder: Path) -> Iterator[str]:
    path = str(folder / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        while not Path(path).exists():
            time.sleep(0.01)
        subprocess.run(["ssh-add", "-q", "-"], input=key, text=True, check=True, env={"SSH_AUTH_SOCK": path})
        yield path
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize("text", ["not a key at all", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_secret_that_is_no_key_is_told_without_its_text(far, told, a_run, text) -> None:
    runner = SshCommandRunner(EnvironmentSite([far.address], {"JITBOT_SECRET_SSH": text}))
    for step in (runner.plan, lambda inputs: runner.start(inputs, a_run())):
        with pytest.raises(NotGranted, match="is no private key") as caught:
            step(told("/bin/true"))
        assert text not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_host_that_is_not_allowed_is_never_called(far, told, a_run) -> None:
    for hosts in ((), ("127.0.0.1",), (f"127.0.0.1:{far.port + 1}",)):
        runner = SshCommandRunner(EnvironmentSite(hosts, far.secrets()))
        with pytest.raises(NotGranted, match="not among the hosts"):
            runner.start(told("/bin/true"), a_run())
    assert "Connection from" not in (far.folder / "log").read_text()


# A host that is not there


def test_a_host_that_is_down_did_nothing(runner, far, told, a_run) -> None:
    far.stop()
    with pytest.raises(RunnerRefused, match="Nothing was run"):
        runner.start(told("/bin/true"), a_run())


def test_a_host_that_never_answers_did_nothing(far, told, a_run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        runner = SshCommandRunner(EnvironmentSite([f"127.0.0.1:{port}"], far.secrets()))
        began = time.monotonic()
        with pytest.raises(RunnerRefused, match="no login within"):
            runner.start(told("/bin/true", port=port), a_run(seconds=1))
        assert time.monotonic() - began < 3


def test_a_host_that_runs_no_commands_did_nothing(runner, far, told, a_run) -> None:
    far.stop()
    far.start(MaxSessions="0")
    with pytest.raises(RunnerRefused, match="runs no commands"):
        runner.start(told("/bin/true"), a_run())


def test_a_thread_that_has_an_event_loop_of_its_own_can_log_in(runner, told, a_run) -> None:
    async def within() -> Receipt:
        return runner.start(told("/bin/echo", "here"), a_run())

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(asyncio.run, within()).result().summary == "here"
