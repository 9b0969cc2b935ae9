"""A private key is hidden whole, line by line, wherever it stands; and what comes after it is shown."""

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.redaction.private_keys import MOST_LINES, hide_private_keys, line_by_line

KEYS = {
    "PKCS 8": rsa.generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode(),
    "SEC 1": ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode(),
    "OpenSSH": asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode(),
}
WRITTEN = {
    "plain": lambda key: key.splitlines(),
    "after a time": lambda key: [f"2026-11-25T10:00:00Z app: {line}" for line in key.splitlines()],
    "in a diff": lambda key: [f"+{line}" for line in key.splitlines()],
    "indented": lambda key: [f"    {line}" for line in key.splitlines()],
    "with CR": lambda key: [f"{line}\r" for line in key.splitlines()],
    "escaped on one line": lambda key: ['{"key": "' + key.replace("\n", "\\n") + '"}'],
}


def told(key: str, said: str) -> list[str]:
    """Return the parts of a key that are still to be seen."""
    body = [line for line in key.splitlines() if "-----" not in line]
    return [part for part in body if part in said]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_a_key_is_hidden_line_by_line_and_as_a_whole(key: str, write) -> None:
    lines = ["before", *write(key), "after it, all is shown: MIIEvQIBADANBgkqhkiG"]
    redact = line_by_line(str)
    for said in ([redact(line) for line in lines], hide_private_keys("\n".join(lines)).split("\n")):
        assert (said[0], said[-1]) == (lines[0], lines[-1])
        assert told(key, "\n".join(said)) == []
        assert "PRIVATE KEY" not in "\n".join(said)


def test_other_lines_between_are_shown() -> None:
    first, *rest = KEYS["OpenSSH"].splitlines()
    redact = line_by_line(str)
    said = [redact(line) for line in (first, rest[0], "worker 2 has ended", *rest[1:], "end")]
    assert said[2] == "worker 2 has ended"
    assert said[-1] == "end"
    assert told(KEYS["OpenSSH"], "\n".join(said)) == []


def test_a_key_that_never_ends_does_not_hide_the_log_for_ever() -> None:
    redact = line_by_line(str)
    redact("-----BEGIN PRIVATE KEY-----")
    line = "3b18e512dba79e4c8300dd08aeb37f8e728b8dad"
    assert redact(line) == HIDDEN
    for _ in range(MOST_LINES):
        redact("words")
    assert redact(line) == line


def test_a_certificate_and_a_public_key_are_shown() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----"
    assert hide_private_keys(text) == text
    public = text.replace("CERTIFICATE", "PUBLIC KEY")
    assert hide_private_keys(public) == public


def test_two_keys_on_one_line_are_both_hidden() -> None:
    key = "-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkqhkiG-----END PRIVATE KEY-----"
    assert hide_private_keys(f"a {key} b {key} c") == f"a {HIDDEN * 3} b {HIDDEN * 3} c"


PIECES = st.one_of(
    st.sampled_from(
        ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "\n", "-----"]
    ),
    st.text(max_size=30),
    st.text("AQMI+/=", min_size=10, max_size=70),
)


@given(st.lists(PIECES, max_size=15).map("".join))
def test_hiding_is_total_and_done_once(text: str) -> None:
    hidden = hide_private_keys(text)
    assert hide_private_keys(hidden) == hidden
    assert hidden.count("\n") == text.count("\n")
