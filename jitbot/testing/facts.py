"""What every source of facts must do, as tests: subclass one of the two suites, give a few fixtures, run pytest.

`FactSourceContract` is for every source; `HttpSourceContract` adds what a source that asks over HTTP owes.
docs/howto/write-a-source-of-facts.md shows a whole example.
"""
# ruff: noqa: S101 - these are tests, written to be run by pytest

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from jitbot.errors import FactUnavailable, NotGranted
from jitbot.facts import client
from jitbot.facts.guard import GuardedSource
from jitbot.facts.registry import kind_of
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import FactSource, Site
from jitbot.testing.far_side import FarSide, Reply, far_side

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
LONGEST_KEEP = timedelta(hours=1)
SECONDS = 0.3
"""So long `jitbot.facts.client.Client` waits in tests of silence."""
MOST_SECONDS = 4.9
"""A decision waits five seconds for all its facts, so a source has to give up before, whatever client it uses."""
HUGE = b"[" + b" " * (client.ANSWER_BYTES + 1) + b"]"

REFUSALS = (400, 401, 403, 404, 407, 410, 429, 500, 502, 503)
NONSENSE: Mapping[str, bytes] = {
    "nothing": b"",
    "a login page": b"<!doctype html><html><title>Log in</title></html>",
    "no UTF-8": b"\xff\xfe\x00{",
    "half of an object": b'{"a": [1, ',
    "deep nesting": b"[" * 100_000,
    "null": b"null",
    "a number": b"3",
    "a text": b'"text"',
    "an empty object": b"{}",
    "an empty list": b"[]",
    "a list of nonsense": b'[null, 3, "text", [], {}]',
}

Make = Callable[[Site], FactSource]


class FactSourceContract:
    """Tests that every source passes. Give the fixtures `make`, `arguments`, `broken_arguments` and `expected`."""

    secrets: ClassVar[Mapping[str, str]] = {}
    """The secrets that `arguments` names, with values of six characters or more."""

    @pytest.fixture
    def make(self) -> Make:
        """Return a function that makes the source for a site; usually the class itself, called with `site=`."""
        raise NotImplementedError("give a fixture `make`")

    @pytest.fixture
    def arguments(self) -> Mapping[str, Any]:
        """Return arguments with which the source can be read."""
        raise NotImplementedError("give a fixture `arguments`")

    @pytest.fixture
    def broken_arguments(self) -> Sequence[Mapping[str, Any]]:
        """Return arguments that `Arguments` must refuse."""
        raise NotImplementedError("give a fixture `broken_arguments`")

    @pytest.fixture
    def expected(self) -> Any:
        """Return what reading with `arguments` must come to."""
        raise NotImplementedError("give a fixture `expected`")

    @pytest.fixture
    def site(self) -> EnvironmentSite:
        return EnvironmentSite((), secret_variables(self.secrets))

    @pytest.fixture
    def source(self, make: Make, site: EnvironmentSite) -> FactSource:
        return make(site)

    @pytest.fixture
    def told(self, source: FactSource, arguments: Mapping[str, Any]) -> BaseModel:
        return source.Arguments.model_validate(dict(arguments))

    def test_it_says_how_long_an_answer_is_believed(self, source: FactSource) -> None:
        assert isinstance(source.keep, timedelta)
        assert timedelta(0) <= source.keep <= LONGEST_KEEP

    def test_broken_arguments_are_refused(
        self, source: FactSource, arguments: Mapping[str, Any], broken_arguments: Sequence[Mapping[str, Any]]
    ) -> None:
        assert broken_arguments, "give some"
        for values in [*broken_arguments, {**arguments, "no_such_argument": 1}]:
            with pytest.raises(ValidationError):
                source.Arguments.model_validate(dict(values))

    def test_its_kind_is_known_when_policies_are_loaded(self, source: FactSource, arguments: Mapping[str, Any]) -> None:
        kind = kind_of(source, arguments)
        assert isinstance(kind, FactKind)
        assert kind_of(source, arguments) is kind

    def test_it_reads_what_is_there(self, source: FactSource, told: BaseModel, expected: Any) -> None:
        value = source.read(told, NOW)
        assert value == expected
        assert type(value) is type(expected)

    def test_what_it_reads_fits_its_kind(
        self, source: FactSource, site: EnvironmentSite, told: BaseModel, expected: Any
    ) -> None:
        assert GuardedSource("contract", source, site).read(told, NOW) == expected

    def test_it_reads_the_same_side_by_side(self, source: FactSource, told: BaseModel, expected: Any) -> None:
        with ThreadPoolExecutor(4) as threads:
            values = list(threads.map(lambda _: source.read(told, NOW), range(4)))
        assert values == [expected] * 4


class HttpSourceContract(FactSourceContract):
    """Tests that every source passes which asks over HTTP. `arguments` tells `far` what to say, and points at it."""

    plausible: ClassVar[Sequence[str]] = ()
    """Names of `NONSENSE` that are true answers here: `an empty list` where no alert is a list of none."""

    @pytest.fixture
    def far(self) -> Iterator[FarSide]:
        """Return the system that is asked."""
        with far_side() as server:
            yield server

    @pytest.fixture
    def site(self, far: FarSide) -> EnvironmentSite:
        return EnvironmentSite([far.host], secret_variables(self.secrets))

    @pytest.fixture
    def unread(
        self, source: FactSource, told: BaseModel, far: FarSide, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[Reply], str]:
        """Return a function that spoils each question in turn, and returns the last words that were said of it."""

        def spoilt(reply: Reply) -> str:
            source.read(told, NOW)
            if reply.manner in ("hang", "drip"):
                monkeypatch.setattr(client, "SECONDS", SECONDS)
            questions, words = len(far.asked), ""
            assert questions, "it asks nobody"
            for number in range(questions):
                far.spoil(reply, after=number)
                words = self._unread(source, told)
            return words

        return spoilt

    def test_telling_its_kind_asks_nobody(self, source: FactSource, arguments: Mapping[str, Any], far: FarSide) -> None:
        kind_of(source, arguments)
        assert far.asked == []

    @pytest.mark.parametrize("status", REFUSALS)
    def test_a_refusal_is_unread_and_said_in_words(self, status: int, unread: Callable[[Reply], str]) -> None:
        assert str(status) in unread(Reply(status, b'{"error": "no"}'))

    @pytest.mark.parametrize("what", NONSENSE)
    def test_nonsense_is_unread(self, what: str, far: FarSide, source: FactSource, told: BaseModel) -> None:
        if what in self.plausible:
            return
        far.spoil(Reply(200, NONSENSE[what]))
        self._unread(source, told)

    def test_half_an_answer_is_unread(self, far: FarSide, unread: Callable[[Reply], str]) -> None:
        unread(Reply(200, far.first_answer() or b"{}{}", manner="cut"))

    def test_a_huge_answer_is_unread(self, unread: Callable[[Reply], str]) -> None:
        unread(Reply(200, HUGE))

    @pytest.mark.parametrize("manner", ["hang", "drip"])
    def test_silence_is_unread_in_time(self, manner: Any, unread: Callable[[Reply], str]) -> None:
        unread(Reply(200, b" " * 400, manner=manner))

    def test_a_server_that_is_gone_is_unread(self, make: Make, arguments: Mapping[str, Any], far: FarSide) -> None:
        source = make(EnvironmentSite([far.host], secret_variables(self.secrets)))
        told = source.Arguments.model_validate(dict(arguments))
        far.shutdown()
        far.server_close()
        self._unread(source, told)

    def test_it_goes_nowhere_else(self, far: FarSide, source: FactSource, told: BaseModel) -> None:
        with far_side() as other:
            far.spoil(Reply(302, b"", {"Location": f"{other.url}/"}))
            self._unread(source, told)
            assert other.asked == []

    def test_only_allowed_hosts_are_asked(self, make: Make, arguments: Mapping[str, Any], far: FarSide) -> None:
        source = make(EnvironmentSite((), secret_variables(self.secrets)))
        self._unread(source, source.Arguments.model_validate(dict(arguments)))
        assert far.asked == []

    def test_a_secret_that_is_not_set_is_named(self, make: Make, arguments: Mapping[str, Any], far: FarSide) -> None:
        if not self.secrets:
            return
        source = make(EnvironmentSite([far.host], {}))
        words = self._unread(source, source.Arguments.model_validate(dict(arguments)))
        assert any(name in words for name in self.secrets), words
        assert far.asked == []

    @pytest.mark.parametrize("status", [200, 400, 401, 500])
    def test_secrets_stay_inside_though_the_far_side_echoes_them(
        self, status: int, far: FarSide, source: FactSource, told: BaseModel
    ) -> None:
        source.read(told, NOW)
        echo = json.dumps([{"error": [dict(each.headers), dict(each.query)]} for each in far.asked]).encode()
        far.spoil(Reply(status, echo))
        self._unread(source, told)

    def _unread(self, source: FactSource, told: BaseModel) -> str:
        """Read, and return the words of the error that must come, which are fit for people and come in time."""
        begin = time.monotonic()
        with pytest.raises((FactUnavailable, NotGranted)) as caught:
            value = source.read(told, NOW)
            pytest.fail(f"it read {value!r}: what cannot be read is unread, never a value")
        assert time.monotonic() - begin < MOST_SECONDS
        words = str(caught.value)
        assert 0 < len(words) <= 300
        assert words.isprintable()
        assert not any(secret in words for secret in self.secrets.values()), "a secret"
        assert "<" not in words, "words for people, not pages"
        return words


def secret_variables(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that set these secrets."""
    return {f"JITBOT_SECRET_{name.upper().replace('-', '_')}": value for name, value in secrets.items()}
