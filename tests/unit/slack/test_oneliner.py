"""One-liners as people type them and Slack changes them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.slack.oneliner import Command, Word, decode, parse
from jitbot.slack.typed import Typed

READ = {
    "": Command(),
    "   ": Command(),
    "help": Command(Word.HELP),
    "STATUS jit-12": Command(Word.STATUS, "jit-12"),
    "why  JIT-12 ": Command(Word.WHY, "JIT-12"),
    "withdraw 12": Command(Word.WITHDRAW, "12"),
    "restart": Command(typed=Typed("restart")),
    "restart service=api env=prod": Command(typed=Typed("restart", {"service": "api", "env": "prod"})),
    'db for=30m reason="INC-1: it\'s down"': Command(typed=Typed("db", {}, "INC-1: it's down", "30m")),
    "db for=30m reason=“INC-1 down”": Command(typed=Typed("db", {}, "INC-1 down", "30m")),
    "db at=18:30 for=30m slow": Command(typed=Typed("db", {}, "slow", "30m", "18:30")),
    "db at=“2026-12-01 09:00” slow": Command(typed=Typed("db", {}, "slow", "", "2026-12-01 09:00")),
    "db reason=«INC-1 down» for=1h": Command(typed=Typed("db", {}, "INC-1 down", "1h")),
    "db a=1 INC-2 is slow, x=y": Command(typed=Typed("db", {"a": "1"}, "INC-2 is slow, x=y")),
    'db a=1 "quoted at the end"': Command(typed=Typed("db", {"a": "1"}, "quoted at the end")),
    "db reason='say \\'hi\\' once'": Command(typed=Typed("db", {}, "say 'hi' once")),
    "db zone=a zone=b": Command(typed=Typed("db", {"zone": "a,b"})),
    "db a=": Command(typed=Typed("db", {"a": ""})),
    "db a=x&lt;y&amp;z": Command(typed=Typed("db", {"a": "x<y&z"})),
    "db url=<https://x.io/a?b=1&amp;c=2>": Command(typed=Typed("db", {"url": "https://x.io/a?b=1&c=2"})),
    "db host=<http://x.io|x.io> why=it": Command(typed=Typed("db", {"host": "x.io", "why": "it"})),
    "db mail=<mailto:a@b.io|a@b.io>": Command(typed=Typed("db", {"mail": "a@b.io"})),
    "db who=<@U0BO|bo>": Command(typed=Typed("db", {"who": "<@U0BO>"})),
    "db in=<#C0PAY|payments> to=<!subteam^S1|@sre>": Command(typed=Typed("db", {"in": "#payments", "to": "@sre"})),
    "db a=1\nfirst line\nsecond line": Command(typed=Typed("db", {"a": "1"}, "first line\nsecond line")),
    "mine=3": Command(typed=Typed("mine=3")),
}


@pytest.mark.parametrize(("text", "read"), READ.items(), ids=[text[:30] or "nothing" for text in READ])
def test_what_is_typed_is_read(text: str, read: Command) -> None:
    assert parse(text) == read


def test_a_quote_that_is_never_closed_is_named_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r'after reason= is never closed: "it is slow'):
        parse('restart env=prod reason="it is slow')


def test_what_is_never_closed_still_reaches_the_form() -> None:
    typed = parse('restart env=prod reason="it is slow', forgiving=True).typed
    assert typed == Typed("restart", {"env": "prod"}, "it is slow")


def test_a_link_that_says_one_thing_and_leads_elsewhere_shows_both() -> None:
    assert decode("<https://evil.io|https://good.io>") == "https://good.io (https://evil.io)"


plain = st.text(
    st.characters(blacklist_characters="\"'“”„‘’«»\\<>&=\r", blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp"))  # noqa: RUF001 - as keyboards type them
)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    parse(text, forgiving=True)
    try:
        parse(text)
    except InvalidInput as fault:
        assert "never closed" in str(fault)


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), plain.filter(bool), max_size=4), plain)
def test_every_word_is_kept(params: dict[str, str], reason: str) -> None:
    params = {name: value for name, value in params.items() if name not in ("for", "reason", "at")}
    text = " ".join(["act", *(f'{name}="{value}"' for name, value in params.items())]) + f' reason="{reason}"'
    typed = parse(text).typed
    assert typed is not None
    assert dict(typed.params) == params
    assert typed.reason == reason
