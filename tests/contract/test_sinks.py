"""What every sink does: append the line of a head as it is, never change what is there, and say when it cannot."""

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jitbot.audit import Head, Signer, read_heads
from jitbot.errors import NotGranted, SettingsError, SinkUnavailable
from jitbot.ports import Sink
from jitbot.sinks.file import FilePlace, FileSink
from jitbot.sinks.http import HttpPlace, HttpSink
from jitbot.sinks.listed import open_sinks
from jitbot.sinks.s3 import S3Place, S3Sink
from jitbot.sinks.syslog import SyslogPlace, SyslogSink
from tests.aws.loopback import AnAccount, aws, aws_url
from tests.contract.howto import ROOT
from tests.servers import AServer, a_rude_server, a_server

__all__ = ["a_rude_server", "a_server", "aws", "aws_url"]

SIGNER = Signer(Ed25519PrivateKey.generate())
AT = datetime(2026, 11, 26, 6, 10, tzinfo=UTC)
TOKEN = "a token of the witness"


def a_head(count: int = 7) -> Head:
    return SIGNER.head(count, bytes([count]) * 32, AT.replace(minute=count))


@dataclass
class Place:
    """A sink under test, what is kept there, and a way to have it take nothing."""

    sink: Sink
    kept: Callable[[], list[str]]
    cut: Callable[[], None]


class Syslog(socketserver.ThreadingTCPServer):
    """Takes messages as RFC 6587 frames them: their length, a space, and they themselves."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Frames)
        self.messages: list[str] = []


class Frames(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Syslog)
        content = self.rfile.read()
        while content:
            length, _, rest = content.partition(b" ")
            self.server.messages.append(rest[: int(length)].decode())
            content = rest[int(length) :]


@contextmanager
def a_file(tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "heads.jsonl"

    def cut() -> None:
        path.unlink(missing_ok=True)
        path.mkdir()

    sink = FileSink("file", FilePlace(kind="file", path=path))
    yield Place(sink, lambda: path.read_text().splitlines(), cut)


@contextmanager
def over_tcp() -> Iterator[Place]:
    with Syslog() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def cut() -> None:
            server.shutdown()
            server.server_close()

        port = server.server_address[1]
        yield Place(SyslogSink("tcp", SyslogPlace(kind="syslog", host="127.0.0.1", port=port)),
                    lambda: list(server.messages), cut)  # fmt: skip
        server.shutdown()
        thread.join()


@contextmanager
def over_udp() -> Iterator[Place]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        place = SyslogPlace(kind="syslog", host="127.0.0.1", port=server.getsockname()[1], protocol="udp")
        yield Place(SyslogSink("udp", place), datagrams(server), lambda: None)


@contextmanager
def at_the_socket(tmp_path: Path) -> Iterator[Place]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        path = tmp_path / "log"
        server.bind(str(path))
        server.settimeout(10)
        sink = SyslogSink("local", SyslogPlace(kind="syslog", socket=path))
        yield Place(sink, datagrams(server), path.unlink)


def datagrams(server: socket.socket) -> Callable[[], list[str]]:
    """Return what reads all that has come; at least one message has."""
    kept: list[str] = []

    def read() -> list[str]:
        server.setblocking(True)
        kept.append(server.recv(65_536).decode())
        server.setblocking(False)
        try:
            while True:
                kept.append(server.recv(65_536).decode())
        except BlockingIOError:
            return kept

    return read


@contextmanager
def a_witness(server: AServer) -> Iterator[Place]:
    server.answers["/heads"] = (201, {}, b"")
    place = HttpPlace(kind="http", url=f"{server.url}/heads", token="witness")

    def cut() -> None:
        server.answers["/heads"] = (503, {}, b"")

    yield Place(
        HttpSink("witness", place, lambda name: TOKEN), lambda: [each.body.decode() for each in server.seen], cut
    )


@contextmanager
def a_bucket(aws: AnAccount) -> Iterator[Place]:
    s3 = aws.admin("s3")
    s3.create_bucket(
        Bucket="jitbot-heads", ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )  # fmt: skip
    place = S3Place(
        kind="s3", bucket="jitbot-heads", prefix="prod/", region="eu-west-1", endpoint=aws.url,
        access_key="AKIATESTTESTTESTTEST", secret_key="heads-key", lock_days=400,
    )  # fmt: skip

    def kept() -> list[str]:
        names = [each["Key"] for each in s3.list_objects_v2(Bucket="jitbot-heads").get("Contents", [])]
        return [s3.get_object(Bucket="jitbot-heads", Key=name)["Body"].read().decode() for name in sorted(names)]

    def cut() -> None:
        aws.reset()

    yield Place(S3Sink("bucket", place, lambda name: "s3cret-of-jitbot"), kept, cut)


@pytest.fixture(params=["file", "tcp", "udp", "local", "witness", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param:
        case "file":
            made = a_file(tmp_path)
        case "tcp":
            made = over_tcp()
        case "udp":
            made = over_udp()
        case "local":
            made = at_the_socket(tmp_path)
        case "witness":
            made = a_witness(request.getfixturevalue("a_server")())
        case _:
            made = a_bucket(request.getfixturevalue("aws"))
    with made as place:
        yield place


def test_heads_arrive_as_they_are_and_in_order(place: Place) -> None:
    heads = [a_head(1), a_head(2)]
    for head in heads:
        place.sink.put(head)
    assert list(read_heads(place.kept(), "there")) == heads


def test_one_that_is_there_already_does_no_harm(place: Place) -> None:
    for _ in range(2):
        place.sink.put(a_head())
    assert set(read_heads(place.kept(), "there")) == {a_head()}


@pytest.mark.parametrize("place", ["file", "tcp", "local", "witness", "bucket"], indirect=True)  # UDP never answers
def test_a_sink_that_takes_nothing_says_so(place: Place) -> None:
    place.cut()
    with pytest.raises(SinkUnavailable):
        place.sink.put(a_head())


def test_a_line_that_a_crash_cut_short_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    path.write_text('{"at":"2026')
    FileSink("file", FilePlace(kind="file", path=path)).put(a_head())
    assert path.read_text() == f'{{"at":"2026\n{a_head().line()}\n'


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    (tmp_path / "heads.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(SinkUnavailable, match="cannot be appended to"):
        FileSink("file", FilePlace(kind="file", path=tmp_path / "heads.jsonl")).put(a_head())
    assert (tmp_path / "other").read_text() == ""


def test_a_full_disk_is_said() -> None:
    sink = FileSink("file", FilePlace(kind="file", path=Path("/dev/full")))
    with pytest.raises(SinkUnavailable, match="cannot be appended to"):
        sink.put(a_head())


def test_a_syslog_message_is_of_rfc_5424() -> None:
    with over_udp() as place:
        place.sink.put(a_head())
        (message,) = place.kept()
    head, _, line = message.partition(" - ")
    assert head.startswith(f"<109>1 2026-11-26T06:07:00.000000Z {socket.gethostname()} jitbot ")
    assert (head.endswith(" head"), line) == (True, a_head().line())


def test_a_syslog_that_never_closes_is_not_believed(
    a_rude_server: Callable[[Callable[[socket.socket], None]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.sinks.syslog.SECONDS", 0.2)
    free = threading.Event()
    host, _, port = a_rude_server(lambda connection: bool(free.wait(30)) and None).partition(":")
    with pytest.raises(SinkUnavailable, match="syslog does not take it"):
        SyslogSink("tcp", SyslogPlace(kind="syslog", host=host, port=int(port))).put(a_head())
    free.set()


def test_a_witness_is_told_who_asks_and_which_head_it_is(a_server: Callable[[], AServer]) -> None:
    server = a_server()
    with a_witness(server) as place:
        place.sink.put(a_head())
    (seen,) = server.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["idempotency-key"] == f"7-{a_head().signature.hex()[:32]}"
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 404, 500])
def test_only_2xx_says_that_a_witness_keeps_it_and_nobody_follows_elsewhere(
    a_server: Callable[[], AServer], status: int
) -> None:
    server, elsewhere = a_server(), a_server()
    server.answers["/heads"] = (status, {"Location": f"{elsewhere.url}/heads"}, b"")
    sink = HttpSink("witness", HttpPlace(kind="http", url=f"{server.url}/heads"), lambda name: TOKEN)
    with pytest.raises(SinkUnavailable, match=f"answers {status}"):
        sink.put(a_head())
    assert elsewhere.seen == []


def test_a_secret_that_is_not_there_is_said_and_nothing_is_sent(a_server: Callable[[], AServer]) -> None:
    def missing(name: str) -> str:
        raise NotGranted(f"The secret {name!r} is not set")

    server = a_server()
    sink = HttpSink("witness", HttpPlace(kind="http", url=f"{server.url}/heads", token="witness"), missing)
    with pytest.raises(SinkUnavailable, match="The secret 'witness' is not set"):
        sink.put(a_head())
    assert server.seen == []
    bucket = S3Place(kind="s3", bucket="heads", endpoint=server.url, access_key="AKIA", secret_key="key")
    with pytest.raises(SinkUnavailable, match="The secret 'key' is not set"):
        S3Sink("bucket", bucket, missing).put(a_head())


def test_nobody_can_put_another_head_over_one_in_a_bucket_nor_delete_it(aws: AnAccount) -> None:
    s3 = aws.admin("s3")
    with a_bucket(aws) as place:
        place.sink.put(a_head())
        (name,) = [each["Key"] for each in s3.list_objects_v2(Bucket="jitbot-heads")["Contents"]]
        assert name == f"prod/2026/11/26/060700-7-{a_head().signature.hex()[:16]}.json"
        lock = s3.head_object(Bucket="jitbot-heads", Key=name)
        assert lock["ObjectLockMode"] == "COMPLIANCE"
        assert (lock["ObjectLockRetainUntilDate"].date() - AT.date()).days == 400
        place.sink.put(replace(a_head(), hash=bytes(32)))
        assert place.kept() == [f"{a_head().line()}\n"]


def test_a_store_that_does_not_answer_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    place = S3Place(
        kind="s3", bucket="heads", endpoint=f"http://127.0.0.1:{port}", access_key="AKIA", secret_key="key"
    )  # fmt: skip
    with pytest.raises(SinkUnavailable, match="does not answer"):
        S3Sink("bucket", place, lambda name: "s3cret").put(a_head())


(LISTED,) = re.findall(
    r"^```yaml\n(.*?)^```$", (ROOT / "docs/howto/keep-heads.md").read_text(), re.MULTILINE | re.DOTALL
)
"""As the how-to has it."""

WRONG = {
    "shelf.file.path: must be a full path": "shelf: {kind: file, path: heads.jsonl}",
    "shelf.file.mode: Extra inputs are not permitted": "shelf: {kind: file, path: /x, mode: 7}",
    "needs either `host` or `socket`": "siem: {kind: syslog}",
    "must begin with https://": "w: {kind: http, url: 'http://witness.example.com'}",
    "needs both `access_key` and `secret_key`": "v: {kind: s3, bucket: heads, access_key: AKIA}",
    "does not match any of the expected tags": "v: {kind: fax}",
    "Unable to extract tag": "v: {path: /x}",
    "should match pattern": "'a b': {kind: file, path: /x}",
    "Input should be a valid dictionary": "- a",
    "is no plain YAML": "a: [",
}


def listed(tmp_path: Path, text: str) -> Any:
    (tmp_path / "heads.yml").write_text(text)
    return open_sinks(tmp_path / "heads.yml", tmp_path / "policies", lambda name: TOKEN)


def test_the_operators_file_lists_sinks_by_name(tmp_path: Path) -> None:
    assert [(type(each).__name__, each.name) for each in listed(tmp_path, LISTED)] == [
        ("FileSink", "shelf"),
        ("SyslogSink", "siem"),
        ("HttpSink", "witness"),
        ("S3Sink", "bucket"),
    ]
    assert open_sinks(None, tmp_path, lambda name: TOKEN) == []


@pytest.mark.parametrize("says", WRONG)
def test_a_file_of_sinks_that_is_wrong_stops_the_start(tmp_path: Path, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        listed(tmp_path, WRONG[says])
    assert says in str(caught.value)
    assert str(caught.value).startswith("JITBOT_HEADS_FILE: ")


def test_the_file_lies_out_of_reach_of_who_writes_policies_and_of_others(tmp_path: Path) -> None:
    (tmp_path / "heads.yml").write_text(LISTED)
    with pytest.raises(SettingsError, match="lies among the policies"):
        open_sinks(tmp_path / "heads.yml", tmp_path, lambda name: TOKEN)
    (tmp_path / "heads.yml").chmod(0o666)
    with pytest.raises(SettingsError, match="can be written by others"):
        open_sinks(tmp_path / "heads.yml", tmp_path / "policies", lambda name: TOKEN)
