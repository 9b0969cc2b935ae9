"""A real kube-apiserver with its etcd, on loopback; `.ci/kube-apiserver` builds both."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.kubernetes.authority import Caller
from tests.kubernetes.certificates import Certificates

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PROGRAMS = CACHE / "jitbot" / "kube-apiserver-1.20.2"
READY_SECONDS = 90


@contextmanager
def real_server(folder: Path, certificates: Certificates, callers: Mapping[str, Caller]) -> Iterator[str]:
    """Run a real API server; yields its URL. Without the programs the test is skipped."""
    if not all((PROGRAMS / name).exists() for name in ("kube-apiserver", "etcd")):
        pytest.skip("there is no kube-apiserver here; .ci/kube-apiserver builds one from Debian's sources")
    rows = [f'{token},{caller.name},{caller.name},"{",".join(caller.groups)}"' for token, caller in callers.items()]
    (folder / "tokens.csv").write_text("\n".join(rows))
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "accounts.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    clients, peers, secure = _free_ports(3)
    store = f"http://127.0.0.1:{clients}"
    etcd = [f"--data-dir={folder}/etcd", f"--listen-client-urls={store}", f"--advertise-client-urls={store}"]
    etcd += [f"--listen-peer-urls=http://127.0.0.1:{peers}", "--log-level=error"]
    server = [f"--etcd-servers={store}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]
    server += [f"--secure-port={secure}", f"--cert-dir={folder}", f"--token-auth-file={folder}/tokens.csv"]
    server += [f"--tls-cert-file={certificates.certificate}", f"--tls-private-key-file={certificates.key}"]
    server += ["--service-account-issuer=https://tests.example.com", "--authorization-mode=RBAC"]
    server += [f"--service-account-signing-key-file={folder}/accounts.key"]
    server += [f"--service-account-key-file={folder}/accounts.key", "--disable-admission-plugins=ServiceAccount"]
    with ExitStack() as stack:
        stack.enter_context(_running("etcd", etcd, folder))
        process = stack.enter_context(_running("kube-apiserver", server, folder))
        url = f"https://127.0.0.1:{secure}"
        _await_ready(url, process, folder)
        yield url


@contextmanager
def _running(name: str, words: Sequence[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([PROGRAMS / name, *words], stdout=log, stderr=log, cwd=folder)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _await_ready(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    pause, end = Event(), time.monotonic() + READY_SECONDS
    with httpx2.Client(verify=False, trust_env=False) as client:
        while time.monotonic() < end and process.poll() is None:
            with suppress(httpx2.HTTPError):
                if client.get(f"{url}/readyz").status_code == 200:
                    return
            pause.wait(0.1)
    raise RuntimeError(f"kube-apiserver did not get ready: {(folder / 'kube-apiserver.log').read_text()[-2000:]}")


def _free_ports(number: int) -> Sequence[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]
