"""The first store that has a name answers, none that cannot tell is passed over, and rotation shows within seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.redaction.redactor import Redactor
from jitbot.outbound.secrets.listed import KEEP_SECONDS, MOST_CHARACTERS, Secrets


@dataclass
class Store:
    """A store in memory."""

    values: dict[str, object] = field(default_factory=dict)
    error: BaseException | None = None
    asked: list[str] = field(default_factory=list)

    def read(self, name: str) -> str:
        self.asked.append(name)
        if self.error is not None:
            raise self.error
        if name not in self.values:
            raise NotGranted(f"add {name}")
        return self.values[name]  # type: ignore[return-value]  # what a broken plugin may do


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def listed(clock: Clock, **stores: Store) -> Secrets:
    return Secrets(stores, Redactor(), clock)


def test_the_first_store_that_has_the_name_answers(clock: Clock) -> None:
    first, second = Store({"b": "first-b"}), Store({"a": "second-a", "b": "second-b"})
    secrets = listed(clock, first=first, second=second)
    assert (secrets.read("a").value, secrets.read("a").store) == ("second-a", "second")
    assert (secrets.read("b").value, secrets.read("b").store) == ("first-b", "first")
    assert second.asked == ["a"]


def test_what_no_store_has_says_what_to_do_for_each(clock: Clock) -> None:
    with pytest.raises(NotGranted, match=r"'a' is not set: add a, or add a\.") as caught:
        listed(clock, first=Store(), second=Store()).read("a")
    assert not isinstance(caught.value, SecretUnavailable)


def test_without_any_store_that_is_what_is_said(clock: Clock) -> None:
    with pytest.raises(NotGranted, match="JITBOT_SECRETS names no store"):
        listed(clock).read("a")


@pytest.mark.parametrize(
    "error",
    [SecretUnavailable("sealed"), OSError("hunter2-hunter2"), SystemExit(3), KeyError("a"), RecursionError()],
    ids=lambda each: type(each).__name__,
)
def test_a_store_that_cannot_tell_is_never_passed_over(clock: Clock, error: BaseException) -> None:
    second = Store({"a": "older-value"})
    with pytest.raises(SecretUnavailable) as caught:
        listed(clock, first=Store(error=error), second=second).read("a")
    assert second.asked == []
    assert "hunter2" not in str(caught.value)


def test_an_answer_that_is_no_text_is_none(clock: Clock) -> None:
    second = Store({"a": "older-value"})
    with pytest.raises(SecretUnavailable, match="answered no text"):
        listed(clock, first=Store({"a": b"bytes-of-it"}), second=second).read("a")


def test_a_rotation_is_seen_after_a_few_seconds_and_the_old_value_stays_hidden(clock: Clock) -> None:
    store = Store({"a": "old-value"})
    secrets = listed(clock, only=store)
    assert secrets.read("a").value == "old-value"
    store.values["a"] = "new-value"
    clock.now += KEEP_SECONDS - 0.01
    assert secrets.read("a").value == "old-value"
    assert store.asked == ["a"]
    clock.now += 0.01
    assert secrets.read("a").value == "new-value"
    assert secrets.redact("old-value new-value") == f"{HIDDEN} {HIDDEN}"


def test_a_store_that_is_lost_does_not_leave_the_old_value_in_use(clock: Clock) -> None:
    store = Store({"a": "old-value"})
    secrets = listed(clock, only=store)
    secrets.read("a")
    store.error = SecretUnavailable("The secret 'a' cannot be read: sealed.")
    clock.now += KEEP_SECONDS
    for _ in range(2):
        with pytest.raises(SecretUnavailable, match="sealed"):
            secrets.read("a")
    store.error = None
    assert secrets.read("a").value == "old-value"


def test_a_slow_answer_does_not_replace_a_newer_one(clock: Clock) -> None:
    class Slow(Store):
        def read(self, name: str) -> str:
            value = super().read(name)
            if len(self.asked) == 1:  # while the first is on its way, the value changes and somebody else reads it
                self.values[name] = "new-value"
                clock.now += 1
                assert secrets.read(name).value == "new-value"
            return value

    secrets = listed(clock, only=Slow({"a": "old-value"}))
    assert secrets.read("a").value == "old-value"
    assert secrets.read("a").value == "new-value"


@pytest.mark.parametrize(
    ("value", "why"), [("abcde", "too short"), ("x" * (MOST_CHARACTERS + 1), "longer than")], ids=["short", "long"]
)
def test_what_cannot_be_a_secret_is_refused_and_no_other_store_asked(clock: Clock, value: str, why: str) -> None:
    second = Store({"a": "older-value"})
    with pytest.raises(NotGranted, match=why) as caught:
        listed(clock, first=Store({"a": value}), second=second).read("a")
    assert second.asked == []
    assert value not in str(caught.value)


HOSTILE: Mapping[str, str] = {
    "up": "../x", "a path": "a/b", "a line end": "a\n", "a NUL": "a\0", "nothing": "", "a dot": ".", "long": "x" * 65,
    "another a": "\u0430bc", "wide": "\uff41bc", "a digit first": "1a", "a space": "a b", "a quoted slash": "a%2fb",
    "a template": "{a}", "half a character": "\ud800",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_reaches_no_store(clock: Clock, name: str) -> None:
    store = Store(dict.fromkeys(HOSTILE.values(), "a-value"))
    with pytest.raises(NotGranted, match="no name of a secret"):
        listed(clock, only=store).read(name)
    assert store.asked == []


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_the_name_only_plain_ones_reach_a_store(name: str) -> None:
    store = Store({name: "a-value"})
    try:
        listed(Clock(), only=store).read(name)
    except NotGranted:
        assert store.asked == []
    else:
        assert name.isascii()
        assert name.replace("-", "").replace("_", "").isalnum()
        assert len(name) <= 64
