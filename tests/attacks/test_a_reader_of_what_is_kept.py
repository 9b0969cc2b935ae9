"""A reader of what is kept: the log, the database to its last byte, a backup, the record, and what Slack was sent.

The bot is its own process. Everything that it runs, asks or is told gives away what it should not: secrets that it
knows, in several forms, and things that only look like secrets. None of them may be found anywhere afterwards.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.processes import free_port
from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import wait_for
from tests.servers import AServer
from tests.slack_town import HERE, WORKSPACE, action_ids, has_details

ROOT = Path(__file__).parent.parent.parent
KNOWN = {
    "DB": "kn0wn canary/of+the=database",
    "API": "kn0wn-canary-of-the-api-7f3a",
    "PEM": "-----BEGIN PRIVATE KEY-----\nbGlua2VkQ2FuYXJ5T2ZUaGVLZXkxMjM0NTY3\n-----END PRIVATE KEY-----",
}
"""Secrets by name, as the operator has set them."""
UNKNOWN = {
    "a token of GitHub": "ghp_" + "canaryOfGithub" + "0123456789abcdefghijkl",
    "a token of Slack": "xoxb-" + "1234567890-canaryOfSlack",
    "a key of AWS": "AKIA" + "CANARYOFAWS12345",
    "a password under its name": "canary-under-its-name-9",
    "a password in an address": "canary-in-an-address",
    "what is under a key of a receipt": "canary of a receipt",
    "the body of a private key": "Y2FuYXJ5T2ZBUHJpdmF0ZUtleTAxMjM0NTY3ODk",
}
"""What nobody has told jitbot of, by what it is."""
SAYS = f"""
import base64, json, os, sys, urllib.parse
known = [os.environ[name] for name in ("DB", "API", "PEM")]
unknown = json.loads({json.dumps(json.dumps(list(UNKNOWN.values())))})
github, slack, aws, named, address, kept, body = unknown
for secret in known:
    print(secret)
    print("quoted", urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret))
    print("encoded", base64.b64encode(secret.encode()).decode())
    print(json.dumps({{"value": secret, "password": named}}))
print(github, slack, aws)
print(f"postgres://jitbot:{{address}}@db/jitbot  password={{named}}")
print(f"-----BEGIN EC PRIVATE KEY-----\\n{{body}}\\n-----END EC PRIVATE KEY-----")
if sys.argv[1] != "plan":
    print("::receipt " + json.dumps({{"token": kept, "db": known[0], "list": [{{"password": named}}, github]}}))
if sys.argv[1] == "badly":
    print(f"FATAL: {{known[0]}} {{github}}", file=sys.stderr)
    sys.exit(3)
"""
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  leak:
    title: Leak
    runner: command
    with:
      argv: [PYTHON, SCRIPT, "{how}"]
      undo_argv: [PYTHON, SCRIPT, undo]
      plan_argv: [PYTHON, SCRIPT, plan]
      variables: {DB: {secret: db}, API: {secret: api}, PEM: {secret: pem}}
    parameters: {how: {type: choice, options: [well, badly]}}
    requesters: [group:engineering]
    facts:
      words: {source: http.json, url: "http://HOST/words", headers: {Authorization: {secret: api, prefix: "Bearer "}},
              value: $.words, as: text}
      none: {source: http.json, url: "http://HOST/none", headers: {Authorization: {secret: api, prefix: "Bearer "}},
             value: $.n, as: integer}
    rules:
      - {name: by facts, when: "facts.words == '' && facts.none > 0", allow: true}
      - {name: by people, when: "facts.words != ''", review: [{from: [group:oncall]}]}
  call:
    title: Call
    runner: http
    with: {method: POST, url: "http://HOST/{where}", headers: {Authorization: {secret: api, prefix: "Bearer "}}}
    parameters: {where: {type: choice, options: [good, bad]}}
    requesters: [group:engineering]
    rules: [{allow: true}]
"""
COMMANDS = """
import sys
from jitbot.cli import main
for line in sys.argv[1:]:
    sys.argv = ["jitbot", *line.split()]
    try:
        main()
    except SystemExit:
        pass
"""
"""Runs each of its words as a command line, since loading jitbot is most of the time that one takes."""
PEOPLE = "groups: {engineering: [U0ANN, U0BO], oncall: [U0BO]}\n"


def forms(secret: str) -> list[bytes]:
    """Return what a secret looks like wherever it may be written."""
    lines = [line for line in secret.splitlines() if "PRIVATE KEY" not in line]
    written = {form for each in lines for form in (each, quote(each, safe=""), json.dumps(each)[1:-1])}
    return [form.encode() for form in written] + [base64.b64encode(secret.encode())]


@dataclass
class Story:
    """What was lived through, and where its traces are."""

    slack: LocalSlack
    folder: Path
    environment: Mapping[str, str]
    bot: "subprocess.Popen[bytes]"
    traces: dict[str, bytes]

    def states(self) -> list[str]:
        with closing(sqlite3.connect(self.folder / "var" / "jitbot.db")) as connection:
            return [state for (state,) in connection.execute("SELECT state FROM requests ORDER BY id")]

    def jitbot(self, *lines: str) -> None:
        """Run commands of jitbot, and keep what they print."""
        ended = subprocess.run(
            [sys.executable, "-c", COMMANDS, *lines], env=self.environment, cwd=ROOT, capture_output=True, check=False
        )
        self.traces["what jitbot's commands say"] = ended.stdout + ended.stderr

    def collect(self) -> None:
        """Read everything that is left, while the bot is still there to leave it."""
        log = self.slack.log()
        self.traces["what Slack was sent"] = json.dumps(log["calls"], ensure_ascii=False).encode()
        for path in (self.folder / "log", *(self.folder / "var").iterdir()):
            self.traces[path.name] = path.read_bytes()


def start(slack: LocalSlack, server: AServer, folder: Path) -> Story:
    policies, var, port = folder / "policies", folder / "var", free_port()
    policies.mkdir()
    var.mkdir(mode=0o700)
    (folder / "says.py").write_text(SAYS)
    text = POLICY.replace("PYTHON", sys.executable).replace("SCRIPT", str(folder / "says.py"))
    (policies / "payments.yml").write_text(text.replace("HOST", server.host))
    (policies / "people.yml").write_text(PEOPLE)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JITBOT_", "SLACK_"))},
        **{f"JITBOT_SECRET_{name}": value for name, value in KNOWN.items()},
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "JITBOT_LOCAL_SLACK": "true",
        "JITBOT_DATABASE_URL": f"sqlite:///{var}/jitbot.db",
        "JITBOT_KEY_FILE": str(var / "signing.key"),
        "JITBOT_POLICIES": str(policies),
        "JITBOT_PORT": str(port),
        "JITBOT_HTTP_HOSTS": server.host,
        "JITBOT_FACTS": "http.json",
        "JITBOT_LOG_LEVEL": "DEBUG",
    }
    with (folder / "log").open("wb") as log:
        bot = subprocess.Popen([sys.executable, "-m", "jitbot", "serve"], env=environment, stdout=log, stderr=log)
    story = Story(slack, folder, environment, bot, {})

    def ready() -> bool:
        assert bot.poll() is None, (folder / "log").read_text()
        address = f"http://127.0.0.1:{port}/readyz"
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    until(ready)
    return story


def until(look: Any, what: str = "it") -> Any:
    return wait_for(look, what, 60, lambda: {})


def live(story: Story) -> None:
    """Ask, approve, deny and fail, with secrets in everything that is said."""
    ann, bo = story.slack.person("U0ANN"), story.slack.person("U0BO")
    typed = f"INC-1 {UNKNOWN['a token of GitHub']} password={UNKNOWN['a password under its name']}"

    def card(number: int) -> Any:
        found = [each for each in bo.messages(HERE) if f"JIT-{number}" in each["text"] and has_details(each)]
        return next((each for each in found if "jit:approve" in action_ids(each)), None)

    assert ann.command(HERE, f'/jit leak how=well reason="{typed}"')["acked"]
    assert bo.click(until(lambda: card(1)), "jit:approve")["acked"]
    until(lambda: story.states() == ["succeeded"], "the run")
    assert ann.command(HERE, f'/jit leak how=badly reason="{typed}"')["acked"]
    assert bo.click(until(lambda: card(2)), "jit:approve")["acked"]
    until(lambda: story.states()[1] == "unsure", "the failure")
    assert ann.command(HERE, f'/jit leak how=well reason="{typed}"')["acked"]
    bo.click(until(lambda: card(3)), "jit:deny")
    until(bo.modal)
    assert bo.submit({"comment": {"jit:field": f"no: {UNKNOWN['a token of Slack']}"}})["ok"]
    until(lambda: story.states()[2] == "denied", "the denial")
    for where in ("good", "bad"):
        assert ann.command(HERE, f'/jit call where={where} reason="{typed}"')["acked"]
    until(lambda: len(story.states()) == 5 and not {"deciding", "approved", "running"} & set(story.states()))
    ann.command(HERE, "/jit why JIT-1")
    ann.command(HERE, "/jit status JIT-2")
    ann.command(HERE, f"/jit nothing {UNKNOWN['a key of AWS']}")
    until(lambda: any("JIT-2" in each["text"] for each in ann.messages(HERE) if each["ephemeral"]), "the answers")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("kept")
    with AServer() as server, LocalSlack(WORKSPACE) as slack:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        gives_away = f"{KNOWN['API']} {UNKNOWN['a token of GitHub']} password={UNKNOWN['a password under its name']}"
        echo = f"you sent Bearer {KNOWN['API']}; {gives_away}".encode()
        server.answers["/words"] = (200, {}, json.dumps({"words": gives_away}).encode())
        server.answers["/none"] = (500, {}, echo)
        server.answers["/good"] = (200, {}, echo)
        server.answers["/bad"] = (500, {}, echo)
        story = start(slack, server, folder)
        try:
            live(story)
            backup = folder / "var" / "backup"
            story.jitbot("doctor", "audit show JIT-1", "audit show JIT-2", "audit verify", f"db backup {backup}")
            story.collect()
        finally:
            story.bot.terminate()
            story.bot.wait(30)
            server.shutdown()
        yield story


def test_the_story_has_left_traces_everywhere(story: Story) -> None:
    """Else nothing would be looked through; each says of its run what it may."""
    assert {"log", "jitbot.db", "jitbot.db-wal", "backup", "what Slack was sent"} <= set(story.traces)
    assert b"every signature holds" in story.traces["what jitbot's commands say"]
    assert story.states() == ["succeeded", "unsure", "denied", "succeeded", "unsure"]
    assert "•••".encode() in story.traces["backup"]
    assert b"INC-1 \xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2" in story.traces["what Slack was sent"]


@pytest.mark.parametrize("name", KNOWN)
def test_a_secret_that_jitbot_knows_is_nowhere_in_any_form(story: Story, name: str) -> None:
    found = [where for where, trace in story.traces.items() if any(form in trace for form in forms(KNOWN[name]))]
    assert found == []


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_looks_like_a_secret_is_nowhere(story: Story, name: str) -> None:
    found = [where for where, trace in story.traces.items() if UNKNOWN[name].encode() in trace]
    assert found == []


def test_the_tokens_and_the_secret_of_the_app_are_nowhere(story: Story) -> None:
    slack = story.slack
    for secret in (slack.bot_token, slack.app_token, slack.signing_secret):
        assert [where for where, trace in story.traces.items() if secret.encode() in trace] == []


def test_nothing_is_kept_by_which_somebody_could_answer_in_jitbots_place(story: Story) -> None:
    """Trigger ids and response urls go back to Slack, and nowhere else."""
    payloads = [each["payload"] for each in story.slack.log()["deliveries"]]
    secrets = {str(each[name]) for each in payloads for name in ("trigger_id", "response_url") if each.get(name)}
    assert len(secrets) > 10
    kept = {where: trace for where, trace in story.traces.items() if where != "what Slack was sent"}
    assert [(where, each) for where, trace in kept.items() for each in secrets if each.encode() in trace] == []
