import json
import threading
import time

import pytest

from jitbot.errors import NotGranted, RunnerCutOff, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.outbound.exchange import ANSWER_BYTES
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.http import LOOK_SECONDS, HttpRunner

HOSTILE = ["../../admin", "a/b", "a?b=c", "a#b", "a%2fb", "a b", "ü", "a\r\nX: y", "a&b=c", "-rf", "\\..\\x", "@evil"]


def told(**values):
    return HttpRunner.Inputs.model_validate({"method": "PUT", "url": "https://api.example.com/x"} | values)


def runner_for(*hosts: str, look_seconds: float = LOOK_SECONDS) -> HttpRunner:
    return HttpRunner(
        EnvironmentSite(hosts, {"JITBOT_SECRET_DB": "hunter2", "JITBOT_SECRET_BAD": "line\r\nX-Evil: 1"}), look_seconds
    )


@pytest.fixture
def server(a_server):
    return a_server()


@pytest.fixture
def runner(server):
    return runner_for(server.host)


# What is sent


def test_it_sends_what_it_was_told_under_the_runs_key(runner, server, a_run) -> None:
    server.answers["/db/grants?for=30m"] = (201, {}, b'{"grant": {"id": 7}}')
    inputs = told(
        url=f"{server.url}/db",
        path=["grants"],
        query={"for": "30m"},
        headers={"Authorization": {"secret": "db", "prefix": "Bearer "}, "X-Run": "{run.key}"},
        json={"user": "ann", "ttl": 30, "key": "{run.key}", "list": ["as {run.key}", None]},
        receipt={"id": "/grant/id"},
    )
    run = a_run(key="jit-7-1")
    assert runner.start(inputs, run) == Receipt({"id": 7}, summary='201 {"grant": {"id": 7}}')
    [seen] = server.seen
    assert (seen.method, seen.path) == ("PUT", "/db/grants?for=30m")
    assert seen.headers["authorization"] == "Bearer hunter2"
    assert seen.headers["x-run"] == seen.headers["idempotency-key"] == "jit-7-1"
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == {"user": "ann", "ttl": 30, "key": "jit-7-1", "list": ["as jit-7-1", None]}
    assert run.lines == [f'PUT {server.url}/db/grants?for=30m -> 201 {{"grant": {{"id": 7}}}}']


def test_a_text_is_sent_as_text_and_its_type_can_be_told(runner, server, a_run) -> None:
    server.answers["/x"] = (200, {}, b"")
    runner.start(told(url=f"{server.url}/x", text="drain ü"), a_run())
    runner.start(told(url=f"{server.url}/x", text="a,b", headers={"Content-Type": "text/csv"}), a_run())
    assert server.seen[0].body == "drain ü".encode()
    assert [seen.headers["content-type"] for seen in server.seen] == ["text/plain; charset=utf-8", "text/csv"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_path_or_query_stays_one_value(runner, server, a_run, hostile: str) -> None:
    inputs = told(url=f"{server.url}/users", path=[hostile], query={"q": hostile})
    try:
        runner.plan(inputs)
        runner.start(inputs, a_run())
    except RunnerRefused as refused:
        if "`..`" in str(refused):
            assert server.seen == []
            return
    [seen] = server.seen
    path, _, query = seen.path.partition("?")
    assert path.startswith("/users/")
    assert path.count("/") == 2
    assert query.count("=") == 1
    assert "x" not in seen.headers


def test_it_does_not_follow_redirects(runner, server, a_server, a_run) -> None:
    elsewhere = a_server()
    server.answers["/x"] = (307, {"Location": f"{elsewhere.url}/x"}, b"")
    with pytest.raises(RunnerUnsure, match="neither done nor refused: 307"):
        runner.start(told(url=f"{server.url}/x"), a_run())
    assert elsewhere.seen == []


def test_it_does_not_heed_proxies_of_the_environment(runner, server, a_server, a_run, monkeypatch) -> None:
    proxy = a_server()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    server.answers["/x"] = (200, {}, b"")
    runner.start(told(url=f"{server.url}/x"), a_run())
    assert proxy.seen == []


# Where it may go


@pytest.mark.parametrize(
    "url",
    [
        "http://{ip}:1/x",
        "http://{ip}/x",
        "http://localhost:{port}/x",
        "http://2130706433:{port}/x",
        "http://0x7f000001:{port}/x",
        "http://127.1:{port}/x",
        "http://127.0.0.1.:{port}/x",
        "http://[::1]:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "https://{ip}:65536/x",
        "https://a..b/x",
    ],
)
def test_it_talks_to_allowed_hosts_only(runner, server, a_run, url: str) -> None:
    inputs = told(url=url.format(ip="127.0.0.1", port=server.server_address[1]))
    with pytest.raises((NotGranted, RunnerRefused)):
        runner.plan(inputs)
    with pytest.raises((NotGranted, RunnerRefused)):
        runner.start(inputs, a_run())
    assert server.seen == []


@pytest.mark.parametrize(
    ("hosts", "url", "may"),
    [
        (["api.example.com"], "https://api.example.com/x", True),
        (["api.example.com:443"], "https://api.example.com/x", True),
        (["api.example.com"], "https://API.Example.com:443/x", True),
        (["api.example.com:443"], "http://api.example.com/x", False),
        (["api.example.com"], "https://api.example.com:8443/x", False),
        (["api.example.com"], "https://api.example.com.evil.com/x", False),
        (["[::1]:8080"], "http://[::1]:8080/x", True),
    ],
)
def test_a_host_without_a_port_means_the_usual_one(hosts, url, may) -> None:
    if may:
        runner_for(*hosts).plan(told(url=url))
    else:
        with pytest.raises(NotGranted, match="may not talk to"):
            runner_for(*hosts).plan(told(url=url))


def test_an_address_too_long_to_be_one_is_refused(runner, server) -> None:
    with pytest.raises(NotGranted, match="is no URL"):
        runner.plan(told(url=f"{server.url}/x", query={"q": "x" * 70_000}))


@pytest.mark.parametrize("ask", ["undo", "check", "plan"])
def test_every_request_is_checked_before_anybody_is_asked(runner, server, a_server, ask: str) -> None:
    elsewhere = a_server()
    with pytest.raises(NotGranted, match="may not talk to"):
        runner.plan(told(url=f"{server.url}/x", **{ask: {"url": f"{elsewhere.url}/x"}}))
    assert server.seen == elsewhere.seen == []


@pytest.mark.parametrize(
    ("secret", "words"), [("nope", "set JITBOT_SECRET_NOPE"), ("bad", "Authorization cannot be sent")]
)
def test_a_secret_that_cannot_be_used_is_found_before_anybody_is_asked(runner, server, secret, words) -> None:
    with pytest.raises((NotGranted, RunnerRefused), match=words):
        runner.plan(told(url=f"{server.url}/x", undo={"headers": {"Authorization": {"secret": secret}}}))


# How it ends


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
def test_a_refusal_means_that_nothing_happened(runner, server, a_run, status: int) -> None:
    server.answers["/x"] = (status, {}, b"no \x1b[31m")
    with pytest.raises(RunnerRefused, match=f"{status} no ␛"):
        runner.start(told(url=f"{server.url}/x"), a_run())


@pytest.mark.parametrize("status", [302, 408, 418, 429, 500, 502, 503])
def test_any_other_answer_leaves_it_unsure(runner, server, a_run, status: int) -> None:
    server.answers["/x"] = (status, {}, b"")
    with pytest.raises(RunnerUnsure, match=str(status)):
        runner.start(told(url=f"{server.url}/x"), a_run())


def test_without_a_connection_nothing_happened(a_run) -> None:
    with pytest.raises(RunnerRefused, match="Nothing was sent"):
        runner_for("127.0.0.1:1").start(told(url="http://127.0.0.1:1/x"), a_run())


def test_a_server_that_is_not_who_it_should_be_is_told_nothing(server, a_run) -> None:
    with pytest.raises(RunnerRefused, match="Nothing was sent"):
        runner_for(server.host).start(told(url=f"https://{server.host}/x"), a_run())
    assert server.seen == []


def test_a_run_whose_time_is_over_sends_nothing(runner, server, a_run) -> None:
    with pytest.raises(RunnerRefused, match="over before it began"):
        runner.start(told(url=f"{server.url}/x"), a_run(seconds=-1))
    assert server.seen == []


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"not http\r\n\r\n"],
    ids=["nothing", "half", "something else"],
)
def test_a_dropped_connection_leaves_it_unsure(a_rude_server, a_run, said: bytes) -> None:
    host = a_rude_server(lambda line: line.sendall(said))
    with pytest.raises(RunnerCutOff, match="may have done it"):
        runner_for(host).start(told(url=f"http://{host}/x"), a_run())


def drip(line) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        line.sendall(b"X: y\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("speak", [lambda line: line.recv(1), drip], ids=["silent", "dripping"])
def test_the_time_limit_holds_for_the_whole_answer(a_rude_server, a_run, speak) -> None:
    host = a_rude_server(speak)
    began = time.monotonic()
    with pytest.raises(RunnerUnsure, match="no whole answer within"):
        runner_for(host).start(told(url=f"http://{host}/x"), a_run(seconds=0.4))
    assert time.monotonic() - began < 2


def test_a_flood_of_an_answer_is_not_read_to_its_end(a_rude_server, a_run) -> None:
    sent = []

    def flood(line) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sum(sent) < 200_000_000:
            sent.append(line.send(b"y" * 65536))

    host = a_rude_server(flood)
    receipt = runner_for(host).start(told(url=f"http://{host}/x"), a_run())
    assert len(receipt.summary) < 1_100
    assert sum(sent) < 50_000_000


# Receipts and undo


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"other": 1}', b'{"id": "' + b"x" * ANSWER_BYTES + b'"}', b"[" * 50_000],
    ids=["empty", "no JSON", "not there", "too long", "too deep"],
)
def test_without_the_receipt_it_is_unsure(runner, server, a_run, body: bytes) -> None:
    server.answers["/x"] = (200, {}, body)
    with pytest.raises(RunnerUnsure, match="It was done, but the answer holds no receipt"):
        runner.start(told(url=f"{server.url}/x", receipt={"id": "/id"}), a_run())


def test_undo_is_filled_from_the_receipt_and_quoted(runner, server, a_run) -> None:
    inputs = told(
        url=f"{server.url}/grants",
        receipt={"id": "/id", "n": "/n"},
        undo={
            "method": "POST",
            "url": f"{server.url}/grants/{{receipt.id}}/end",
            "path": ["{receipt.n}", "now"],
            "query": {"by": "{run.key}"},
            "headers": {"X-Grant": "no {receipt.n}"},
            "json": {"n": "{receipt.n}", "of": "{receipt.n} of {receipt.n}"},
        },
    )
    path = "/grants/a%2F%3Fb/end/7/now?by=jit-1-1"
    server.answers[path] = (204, {}, b"")
    runner.undo(inputs, Receipt({"id": "a/?b", "n": 7}), a_run())
    [seen] = server.seen
    assert (seen.method, seen.path, seen.headers["x-grant"]) == ("POST", path, "no 7")
    assert json.loads(seen.body) == {"n": 7, "of": "7 of 7"}
    assert "idempotency-key" not in seen.headers, "a second undo must not be answered from a memory of the first"


def test_undo_goes_where_start_went_if_nothing_else_is_said(runner, server, a_run) -> None:
    server.answers["/admins/ann%20b"] = (204, {}, b"")
    runner.undo(told(url=f"{server.url}/admins", path=["ann b"], undo={}), None, a_run())
    assert [(seen.method, seen.path) for seen in server.seen] == [("DELETE", "/admins/ann%20b")]


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_undone(runner, server, a_run, status: int) -> None:
    server.answers["/x"] = (status, {}, b"")
    runner.undo(told(url=f"{server.url}/x", undo={}), None, a_run())
    assert [seen.method for seen in server.seen] == ["DELETE"]


def test_an_undo_that_fails_is_not_believed(runner, server, a_run) -> None:
    server.answers["/x"] = (500, {}, b"oops")
    with pytest.raises(RunnerUnsure, match="did not take it back: 500 oops"):
        runner.undo(told(url=f"{server.url}/x", undo={}), None, a_run())


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        (None, "not known, since the start never answered"),
        (Receipt({"id": ["a"]}), "neither a text nor a whole number"),
        (Receipt({"id": ""}), "neither a text nor a whole number"),
        (Receipt({"id": True}), "neither a text nor a whole number"),
        (Receipt({"id": ".."}), "`.` or `..`"),
    ],
)
def test_an_undo_that_cannot_be_addressed_sends_nothing(runner, server, a_run, receipt, words) -> None:
    inputs = told(url=f"{server.url}/x", receipt={"id": "/id"}, undo={"url": f"{server.url}/x/{{receipt.id}}"})
    with pytest.raises(RunnerRefused, match=words):
        runner.undo(inputs, receipt, a_run())
    assert server.seen == []


def test_without_an_undo_nothing_is_taken_back(runner, server, a_run) -> None:
    with pytest.raises(RunnerRefused, match="has no undo"):
        runner.undo(told(url=f"{server.url}/x"), None, a_run())


# Plan, check, target


def test_a_plan_shows_what_is_sent_and_how_it_stands_now(runner, server) -> None:
    server.answers["/limit"] = (200, {}, b'{"limit": {"value": 100}}')
    inputs = told(
        url=f"{server.url}/limit",
        headers={"X-A": "b", "Authorization": {"secret": "db"}},
        json={"value": 300},
        plan={"pointer": "/limit/value"},
        undo={"method": "PUT", "json": {"value": 100}},
    )
    plan = runner.plan(inputs)
    assert plan.summary == f"PUT {server.url}/limit (now 100)"
    assert plan.diff == "X-A: b\nAuthorization: the secret 'db'\n{\n  \"value\": 300\n}"
    assert plan.undoable
    assert [seen.method for seen in server.seen] == ["GET"]
    server.answers["/limit"] = (200, {}, b'{"limit": {"value": 200}}')
    assert runner.plan(inputs).fingerprint != plan.fingerprint


def test_a_plan_without_a_look_asks_nobody(runner, server) -> None:
    plan = runner.plan(told(url=f"{server.url}/x", text="one\ntwo\x07"))
    assert (plan.summary, plan.diff, plan.undoable) == (f"PUT {server.url}/x", "one\ntwo␇", False)
    assert server.seen == []


@pytest.mark.parametrize("answer", [(500, {}, b""), (200, {}, b"no JSON"), (200, {}, b'{"other": 1}')])
def test_no_present_state_no_plan(runner, server, answer) -> None:
    server.answers["/x"] = answer
    with pytest.raises(RunnerRefused, match="there is no plan"):
        runner.plan(told(url=f"{server.url}/x", plan={"pointer": "/limit"}))


@pytest.mark.parametrize(
    ("answer", "check", "state"),
    [
        ((200, {}, b""), {}, HealthState.HEALTHY),
        ((503, {}, b""), {}, HealthState.UNHEALTHY),
        ((503, {}, b""), {"expect": [503]}, HealthState.HEALTHY),
        ((404, {}, b""), {}, HealthState.ABSENT),
        ((401, {}, b""), {}, HealthState.UNKNOWN),
        ((200, {}, b'{"s": "up"}'), {"pointer": "/s", "equals": "up"}, HealthState.HEALTHY),
        ((200, {}, b'{"s": "down"}'), {"pointer": "/s", "equals": "up"}, HealthState.UNHEALTHY),
        ((200, {}, b'{"t": "up"}'), {"pointer": "/s", "equals": "up"}, HealthState.UNKNOWN),
        ((200, {}, b"up"), {"pointer": "/s", "equals": "up"}, HealthState.UNKNOWN),
    ],
)
def test_a_check_says_how_it_stands(runner, server, answer, check, state) -> None:
    server.answers["/x/7"] = answer
    inputs = told(url=f"{server.url}/x", receipt={"id": "/id"}, check={"path": ["{receipt.id}"], **check})
    assert runner.check(inputs, Receipt({"id": 7})).state is state


def test_a_check_that_cannot_be_made_is_no_finding(a_rude_server) -> None:
    host = a_rude_server(lambda line: line.recv(1))
    runner = runner_for(host, "127.0.0.1:1", look_seconds=0.3)
    for check in (None, {"url": "http://127.0.0.1:1/x"}, {}, {"path": ["{receipt.id}"]}):
        inputs = told(url=f"http://{host}/x", receipt={"id": "/id"}, check=check)
        assert runner.check(inputs, None).state is HealthState.UNKNOWN


def test_a_target_is_what_was_named_or_the_address() -> None:
    runner = runner_for("api.example.com")
    assert runner.target(told(target="limit:api")) == "limit:api"
    assert runner.target(told(path=["a b"], query={"q": "1"})) == "https://api.example.com/x/a%20b"


def test_an_answer_that_nobody_waits_for_any_more_leaves_it_unsure(a_rude_server, a_run) -> None:
    heard = threading.Event()

    def speak(line) -> None:
        heard.set()
        line.recv(1)

    host = a_rude_server(speak)
    began = time.monotonic()
    with pytest.raises(RunnerCutOff, match="may have done it: somebody stopped it before there was an answer"):
        runner_for(host).start(told(url=f"http://{host}/x"), a_run(stops=heard.is_set))
    assert time.monotonic() - began < 10


def test_what_is_stopped_before_it_was_sent_is_not_sent(runner, server, a_run) -> None:
    with pytest.raises(RunnerRefused, match="somebody stopped it before"):
        runner.start(told(url=f"{server.url}/x"), a_run(stops=lambda: True))
    assert server.seen == []
