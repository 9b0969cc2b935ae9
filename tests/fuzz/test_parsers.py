"""Whatever is written for a parser is read, or refused by its own error and soon: nothing else escapes, nothing hangs.

Each has some tries here, always the same ones; many more, and each time others, are in the long tier.
"""

import base64
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitbot.cli import mark
from jitbot.errors import FactUnavailable, InvalidInput, NotGranted, PolicyError, RunnerRefused, SettingsError, Stale
from jitbot.facts import ical_reader
from jitbot.facts.json_path import found
from jitbot.outbound.exchange import Answer
from jitbot.outbound.hosts import allowed
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.cel.conditions import ConditionFault, compile_condition
from jitbot.policy.cel.names import CelType
from jitbot.policy.durations import parse_duration
from jitbot.policy.files.load import load, read
from jitbot.policy.starting import parse_instant
from jitbot.runners.answers import NoWord
from jitbot.runners.github.workflow_file import demand_fit
from jitbot.slack.delegating import read_delegation
from jitbot.slack.oneliner import about_one, parse
from jitbot.slack.views.ids import read_stamp
from jitbot.store.keys import open_key
from tests.fake_sources import FakeSource, FakeSources
from tests.fuzz.mutating import nearly
from tests.unit.policy.conftest import Runners
from tests.vendors.github import WORKFLOW

MOST_SECONDS = 2.0
"""Of computing, which other processes on the machine do not lengthen."""
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent
SITE = EnvironmentSite(["api.example.com:8443"])

HOUSE = read(ROOT / "policies")
PEM = Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ONE_LINERS = (
    "restart service=api env=prod reason=“it is slow since 14:05” for=30m",
    "admin for=1h at=18:30 break-glass=yes <@U0BO|bo> <http://x.io|x.io> because &lt;all&gt; is down",
    "status JIT-12",
    "delegate <@U0BO> until Friday 18:00 on leave",
)
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
UID:1@example.com
SUMMARY:[L1] ann, bo
DTSTART;TZID=Europe/Berlin:20260601T090000
DTEND;TZID=Europe/Berlin:20260601T170000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=20
EXDATE;TZID=Europe/Berlin:20260608T090000
ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com
END:VEVENT
BEGIN:VEVENT
UID:2@example.com
DTSTART;VALUE=DATE:20260602
DURATION:P1D
END:VEVENT
END:VCALENDAR
"""


class AnyRunner(Runners):
    """A catalog with the runner of the house's own policies, which takes anything."""

    def names(self) -> list[str]:
        return ["command"]


def policies(name: str) -> Callable[[str, Path], object]:
    """Return what reads one file among good ones."""
    return lambda text, _: load(HOUSE | {name: text}, AnyRunner(), FakeSources(FakeSource()))


def calendar(text: str, _folder: Path) -> object:
    """Read a calendar as its own process does, which a time limit ends from outside."""
    asked = {"start": "2026-06-01T00:00:00+00:00", "end": "2026-06-08T00:00:00+00:00", "zone": "Europe/Berlin"}
    question = f"{json.dumps(asked)}\n{text}".encode(errors="replace")
    before, sys.stdin, sys.stdout = (sys.stdin, sys.stdout), SimpleNamespace(buffer=io.BytesIO(question)), io.StringIO()
    try:
        ical_reader.main()
        answer = json.loads(sys.stdout.getvalue())
    finally:
        sys.stdin, sys.stdout = before
    assert set(answer) in ({"events"}, {"fault"})
    return answer


def key(text: str, folder: Path) -> object:
    path = folder / "signing.key"
    path.write_text(text, errors="replace")
    path.chmod(0o600)
    return open_key(path)


def kept_mark(text: str, folder: Path) -> object:
    (folder / "mark").write_text(text, errors="replace")
    return mark.read(folder / "mark")


def workflow(text: str, _folder: Path) -> object:
    content = base64.b64encode(text.encode(errors="replace")).decode()
    hub: Any = SimpleNamespace(find=lambda *_, **__: {"content": content})
    told: Any = SimpleNamespace(repository="acme/shop", steps=("repos", "acme", "shop"), key_input="jitbot")
    order: Any = SimpleNamespace(file="deploy.yml", inputs={"page": "on"})
    return demand_fit(hub, told, order, "a" * 40)


@dataclass(frozen=True)
class Parser:
    """What reads a text, good examples of it, and what it may raise."""

    read: Callable[[str, Path], object]
    examples: Sequence[str]
    raises: tuple[type[Exception], ...]
    tries: int = 40


NAMES = {"params.env": CelType.TEXT, "facts.firing": CelType.INTEGER, "requester.on_call": CelType.TEXTS}
PARSERS = {
    "a team's file": Parser(policies("checkout.yml"), [HOUSE["checkout.yml"]], (PolicyError,), 15),
    "guardrails": Parser(policies("guardrails.yml"), [HOUSE["guardrails.yml"]], (PolicyError,)),
    "people": Parser(policies("people.yml"), [HOUSE["people.yml"]], (PolicyError,)),
    "windows": Parser(
        policies("windows.yml"),
        ["windows:\n  day: {days: [mon, fri], from: '09:00', until: '17:00', zone: Europe/Berlin}\n"],
        (PolicyError,),
    ),
    "a condition": Parser(
        lambda text, _: compile_condition(text.encode(errors="replace").decode(), NAMES, "a.yml:1"),  # as YAML gives it
        ["params.env == 'prod' && facts.firing > 0", "'sre' in requester.on_call || params.env.matches('^s')"],
        (ConditionFault,),
    ),
    "a one-liner": Parser(lambda text, _: parse(text), ONE_LINERS, (InvalidInput,)),
    "a forgiving one-liner": Parser(lambda text, _: parse(text, forgiving=True), ONE_LINERS, (InvalidInput,)),
    "what a word is about": Parser(lambda text, _: about_one(text), ["JIT-12 for=30m reason=x"], (InvalidInput,)),
    "a delegation": Parser(
        lambda text, _: read_delegation(text), ["<@U0BO> until Friday", "end <@U0BO>"], (InvalidInput,)
    ),
    "a button": Parser(lambda text, _: read_stamp(text), ["1042.2"], (Stale,)),
    "a duration": Parser(lambda text, _: parse_duration(text), ["1h30m", "2d"], (InvalidInput,)),
    "an instant": Parser(
        lambda text, _: parse_instant(text, NOW, ZoneInfo("Europe/Berlin")),
        ["18:30", "2026-06-02T18:30:00+02:00"],
        (InvalidInput,),
    ),
    "a calendar": Parser(calendar, [CALENDAR], ()),
    "a JSON answer": Parser(
        lambda text, _: Answer(200, text.encode(errors="replace")).document(),
        ['{"a": [1, 2.5e3, "x\\u00e4"]}'],
        (ValueError,),
    ),
    "a JSONPath": Parser(
        lambda text, _: found(text, {"a": [{"b": 1, "c": "x"}] * 3}),
        ["$.a[?@.b > 0 && match(@.c, 'x+')].b", "$..b", "$.a[-1:0:2]['c']"],
        (ValueError, FactUnavailable),
    ),
    "an address": Parser(lambda text, _: allowed(text, SITE), ["https://api.example.com:8443/x?y=z#w"], (NotGranted,)),
    "a workflow": Parser(workflow, [WORKFLOW], (RunnerRefused, NoWord)),
    "a key": Parser(key, [PEM.decode()], (SettingsError,)),
    "a mark": Parser(kept_mark, ['{"count": 12, "hash": "00ff"}'], (SettingsError,)),
}


def tried(name: str, folder: Path, *, repeatable: bool) -> None:
    """Give a parser some texts, always the same ones; or thirty times as many others."""
    parser = PARSERS[name]
    examples = parser.tries * (1 if repeatable else 30)

    @settings(
        max_examples=examples,
        derandomize=repeatable,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(nearly(parser.examples), nearly(parser.examples), st.text(max_size=200)))
    def read_or_refused(text: str) -> None:
        began = time.thread_time()
        try:
            parser.read(text, folder)
        except parser.raises as refusal:
            assert str(refusal)
        assert time.thread_time() - began < MOST_SECONDS

    read_or_refused()


@pytest.mark.parametrize("name", PARSERS)
def test_it_is_read_or_refused(name: str, tmp_path: Path) -> None:
    tried(name, tmp_path, repeatable=True)


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_it_is_read_or_refused_whatever_else_it_is(name: str, tmp_path: Path) -> None:
    tried(name, tmp_path, repeatable=False)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_changed_is_a_good_example(name: str, tmp_path: Path) -> None:
    """Else only refusals would be tried."""
    for example in PARSERS[name].examples:
        PARSERS[name].read(example, tmp_path)
