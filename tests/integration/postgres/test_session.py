"""The bad ways: nobody there, a wrong password or certificate, a server that hangs, an answer that never came."""

import socket
import threading
import time

import psycopg
import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.postgres.role import PostgresRole
from jitbot.runners.postgres.server import Server
from jitbot.runners.postgres.session import at_once, changing, looking
from tests.postgres import DEBIAN, PASSWORD, SECRETS, APostgres


def reached(server: APostgres, **more) -> Server:
    return Server.model_validate(server.inputs(**more))


def soon(seconds: float = 10) -> float:
    return time.time() + seconds


def test_looking_can_change_nothing(server) -> None:
    with pytest.raises(RunnerRefused, match="read-only transaction"), looking(reached(server), server.site) as session:
        session.execute("CREATE ROLE never")


def test_what_is_not_committed_never_happened(server) -> None:
    with (
        pytest.raises(RunnerRefused, match=r"nothing was changed: role .* does not exist"),
        changing(reached(server), server.site, soon()) as session,
    ):
        session.execute("CREATE ROLE never")
        session.execute("DROP ROLE not_there_at_all")
    assert server.rows("SELECT FROM pg_roles WHERE rolname = 'never'") == []


def test_a_commit_that_is_not_answered_is_unsure(server) -> None:
    with (
        pytest.raises(RunnerUnsure, match="did not say that it was done"),
        changing(reached(server), server.site, soon()) as session,
    ):
        session.execute("CREATE TEMP TABLE never ()")
        server.rows("SELECT pg_terminate_backend(%s)", session.info.backend_pid)


def test_statements_that_stand_by_themselves_are_unsure_together(server) -> None:
    with (
        pytest.raises(RunnerUnsure, match="did not do all of it"),
        at_once(reached(server), server.site, soon()) as session,
    ):
        session.execute("SELECT 1/0")


@pytest.mark.parametrize("secret", ["pg-wrong", None])
def test_the_wrong_password_is_refused_and_not_told(server, secret) -> None:
    told = reached(server, password={"secret": secret} if secret else None)
    with pytest.raises(RunnerRefused, match="There is no session with") as caught, looking(told, server.site):
        pass
    assert "not-the-password" not in str(caught.value)


def test_a_secret_that_is_not_set_says_what_to_set(server) -> None:
    told = reached(server, password={"secret": "nowhere"})
    with pytest.raises(NotGranted, match="JITBOT_SECRET_NOWHERE"), looking(told, server.site):
        pass


def test_a_server_that_is_down_means_that_nothing_happened(run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    runner = PostgresRole(EnvironmentSite([f"127.0.0.1:{port}"], SECRETS))
    values = {"host": "127.0.0.1", "port": port, "user": "jitbot", "tls": "disable", "role": "a", "login": "b"}
    inputs = runner.Inputs.model_validate(values)
    for step in (lambda: runner.plan(inputs), lambda: runner.start(inputs, run)):
        with pytest.raises(RunnerRefused, match=r"There is no session with .* refused"):
            step()


def test_a_server_that_never_answers_is_left_in_time(a_rude_server) -> None:
    """It takes the connection, and then says nothing."""
    gone = threading.Event()
    host = a_rude_server(lambda _: gone.wait(20))
    values = {"host": "127.0.0.1", "port": host.partition(":")[2], "user": "jitbot", "tls": "disable"}
    begun = time.monotonic()
    with (
        pytest.raises(RunnerRefused, match="There is no session"),
        looking(Server.model_validate(values), EnvironmentSite([host], {}), seconds=1),
    ):
        pass
    gone.set()
    assert time.monotonic() - begun < 8


def test_a_statement_that_takes_too_long_is_stopped_by_the_server(server) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(RunnerRefused, match="canceling statement due to statement timeout"),
        changing(reached(server), server.site, soon(2)) as session,
    ):
        session.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - begun < 5


def test_a_server_that_does_not_heed_its_own_limit_is_left(server) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(RunnerRefused, match="nothing was changed"),
        changing(reached(server), server.site, soon(1)) as session,
    ):
        session.execute("SET statement_timeout = 0")
        session.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - begun < 5


def test_a_server_that_is_too_old_is_left_alone(server, monkeypatch) -> None:
    monkeypatch.setattr("jitbot.runners.postgres.session.OLDEST", 990_000)
    with pytest.raises(RunnerRefused, match="is older than Postgres 99"), looking(reached(server), server.site):
        pass


def test_no_time_left_is_nothing_done(server) -> None:
    with (
        pytest.raises(RunnerRefused, match="was over before it began"),
        changing(reached(server), server.site, time.time() - 1),
    ):
        pass


def test_a_server_that_only_reads_is_not_changed(server) -> None:
    login = server.login()
    server.admin("ALTER ROLE {} SET default_transaction_read_only TO on", login)
    told = reached(server, user=login)
    with pytest.raises(RunnerRefused, match="read-only"), changing(told, server.site, soon()):
        pass


def encrypted(server: APostgres) -> APostgres:
    if server.version != DEBIAN:
        pytest.skip("this build of Postgres has no TLS")
    return server


def test_the_line_is_encrypted(server) -> None:
    with looking(reached(encrypted(server)), server.site) as session:
        row = session.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == {"ssl": True}


def test_a_certificate_that_nobody_here_trusts_is_refused(server) -> None:
    told = reached(encrypted(server), authority=None)
    with pytest.raises(RunnerRefused, match="certificate verify failed"), looking(told, server.site):
        pass


def test_a_certificate_of_another_host_is_refused(server) -> None:
    told = reached(encrypted(server), host="localhost")
    site = EnvironmentSite([told.address], SECRETS)
    with pytest.raises(RunnerRefused, match=r"server certificate for .* does not match host name"), looking(told, site):
        pass


def test_a_server_without_encryption_is_refused_unless_that_is_meant(server) -> None:
    if server.version == DEBIAN:
        pytest.skip("this build of Postgres has TLS")
    for tls in ("verify-full", "require"):
        with pytest.raises(RunnerRefused, match="does not support SSL"), looking(reached(server, tls=tls), server.site):
            pass


def test_an_unproved_server_is_not_told_the_password(a_rude_server) -> None:
    """It asks for the password itself, as whoever sits in the middle would."""
    heard: list[bytes] = []

    def ask(connection: socket.socket) -> None:
        connection.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
        heard.append(connection.recv(1024))

    host = a_rude_server(ask)
    values = {"host": "127.0.0.1", "port": host.partition(":")[2], "user": "jitbot", "tls": "disable"}
    told = Server.model_validate({**values, "password": {"secret": "pg"}})
    with pytest.raises(RunnerRefused, match="authentication method"), looking(told, EnvironmentSite([host], SECRETS)):
        pass
    assert PASSWORD.encode() not in b"".join(heard)


def test_details_of_errors_which_hold_what_stands_in_tables_are_not_told(server) -> None:
    with pytest.raises(RunnerRefused) as caught, changing(reached(server), server.site, soon()) as session:
        session.execute("CREATE TEMP TABLE people (name text UNIQUE)")
        session.execute("INSERT INTO people VALUES ('Ann of the table'), ('Ann of the table')")
    assert "duplicate key" in str(caught.value)
    assert "Ann of the table" not in str(caught.value)
    assert isinstance(caught.value.__cause__, psycopg.Error)
