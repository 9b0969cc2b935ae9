"""What looks like a credential is hidden, what is ordinary is shown, and hiding twice changes nothing more."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jitbot.outbound.redaction.patterns import HIDDEN, hide_patterns, named_like_a_secret

A40 = "a1B2c3D4e5" * 4
"""Forty characters as tokens have them."""

TOKENS = {
    "an AWS key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "an AWS session's key id": "ASIA" + "IOSFODNN7EXAMPLE",
    "a token of GitHub": "ghp_" + A40[:36],
    "a server token of GitHub": "ghs_" + A40[:36],
    "a fine-grained token of GitHub": "github_pat_11ABCDEFG0" + A40,
    "a bot token of Slack": "xoxb-" + "1234567890-1234567890123-" + A40[:24],
    "an app token of Slack": "xapp-" + "1-A012345-1234567890-" + A40,
    "a configuration token of Slack": "xoxe.xoxp-" + "1-" + A40,
    "a signed JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "dozjgNryP4J3jVmNHl0w5N",
    "an encrypted JWT": "eyJhbGciOiJkaXIifQ" + "..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX",
    "a key of Stripe": "sk_live_" + A40[:24],
    "a restricted key of Stripe": "rk_test_" + A40[:24],
    "a key of Google": "AIza" + A40[:35],
    "a token of Google": "ya29." + A40,
    "a token of GitLab": "glpat-" + A40[:20],
    "a token of npm": "npm_" + A40[:36],
    "a token of PyPI": "pypi-AgE" + "IcHlwaS5vcmc" + A40,
    "a token of Vault": "hvs." + "CAESI" + A40,
}
VALUES = {
    "a bearer header": "Authorization: Bearer {}",
    "a basic header": "authorization: Basic {}",
    "a header with a token alone": "Authorization={}",
    "a header in JSON": '{{"Authorization": "Bearer {}"}}',
    "a bearer token in prose": "it sent Bearer {} and was refused",
    "a password in a URL": "postgres://app:{}@db.example:5432/app",
    "a password in a URL without a user": "redis://:{}@cache:6379/0",
    "a password": "password={}",
    "a password in YAML": "  db_password: {}",
    "a password in JSON": '{{"password":"{}","user":"app"}}',
    "a password in JSON in JSON": '{{\\"password\\": \\"{}\\"}}',
    "a password in quotes": "PASSWORD='{}'",
    "a password in a query": "GET /login?user=ann&passwd={}",
    "a password in a command": "mysql --password {} -h db",
    "ODBC's password": "UID=app;PWD={}",
    "a token": "token: {}",
    "a token's header": "X-Vault-Token: {}",
    "an API key": "api_key={}",
    "an API key's header": "x-api-key: {}",
    "an API key in a command": "acme --api-key {} list",
    "a client's secret": '"clientSecret": "{}"',
    "an AWS secret key": "aws_secret_access_key = {}",
    "a pair of Ruby": ':secret => "{}"',
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("line", ["{}", "took {} from its file", '{{"k": "{}"}}', "é({})"])
def test_a_token_of_a_known_form_is_hidden(token: str, line: str) -> None:
    assert hide_patterns(line.format(token)) == line.format(HIDDEN)


@pytest.mark.parametrize("line", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("value", ["hunter2-hunter2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"[:38] + "=="])
def test_a_value_is_hidden_by_what_stands_before_it(line: str, value: str) -> None:
    if "://" in line:
        value = value.replace("/", "%2F")
    assert hide_patterns(line.format(value)) == line.format(HIDDEN)


def test_a_password_of_small_letters_alone_is_one_too() -> None:
    assert hide_patterns("password=correcthorse") == f"password={HIDDEN}"


@pytest.mark.parametrize("value", ["${x}hunter2", "<b>hunter2", "{{x}}hunter2", "{secret:hunter2"])
def test_a_password_that_begins_like_a_placeholder_is_one_all_the_same(value: str) -> None:
    assert hide_patterns(f"password={value}") == f"password={HIDDEN}"


def test_a_digest_header_is_hidden_to_its_end() -> None:
    said = hide_patterns('Authorization: Digest username="ann", response="6629fae49393a05397450978507c4ef1"')
    assert said.startswith(f"Authorization: Digest {HIDDEN}")
    assert "6629" not in said


def test_a_signature_of_aws_is_hidden_to_its_end() -> None:
    sent = "Authorization: AWS4-HMAC-SHA256 Credential=x/eu/s3, SignedHeaders=host, Signature=fe5f80f77d5fa3be"
    assert "fe5f" not in hide_patterns(sent)


def test_tokens_side_by_side_are_all_hidden() -> None:
    glued = TOKENS["a key of Google"] + TOKENS["an AWS key id"] + TOKENS["a token of GitHub"]
    assert set(hide_patterns(glued)) == {"•"}


def test_several_on_one_line_are_all_hidden() -> None:
    line = f"password=abcdef1 and token={A40} to https://u:passw0rd@h/ with ghp_{A40[:36]}"
    hidden = hide_patterns(line)
    assert hidden == f"password={HIDDEN} and token={HIDDEN} to https://u:{HIDDEN}@h/ with {HIDDEN}"


ORDINARY = [
    "550e8400-e29b-41d4-a716-446655440000",
    "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "registry.example:5000/payments/api@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "payments-api-7d9c6b5f4-x2x9k   1/1   Running   0   3d",
    "secret/db-credentials-7f9 configured",
    "pypi-proxy-7d9c6b5f4-x2x9k", "npm_config_registry_of_the_whole_organisation", "task_live_update_1234567890123456",
    "10.0.12.7:5432 -> [2001:db8::1]:443",
    "/var/lib/postgresql/15/main/base/16384/2619",
    "http://registry:4873/@scope/pkg", "https://host:8080/path?to=ann@acme.example", "ssh://git@host:22/repository.git",
    "PWD=/srv/app", "tls_private_key: /etc/ssl/private/host1.pem",
    "password: none, so the server must ask for something else", "password: the secret 'db'", "password: {secret: db}",
    'FATAL:  password authentication failed for user "app1"', "password=${DB_PASSWORD}", "password: <password>",
    "token: expired", "invalid token: null", "error: unexpected token } in JSON at position 12",
    "max_tokens: 1234567890", "Bearer authentication failed", "authorization: denied", "secret: pager-key",
    "2026-11-25T10:00:00.123Z INFO GET /v1/orders 200 in 12ms", "+  replicas: 3", "MemTotal: 16384 kB",
    "AKIA is how they begin", "xox is a game", "eyJ", "SHA1 Fingerprint=AB:CD:EF:12:34",
]  # fmt: skip


@pytest.mark.parametrize("line", ORDINARY)
def test_what_is_ordinary_is_shown(line: str) -> None:
    assert hide_patterns(line) == line


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,10}){0,3}", fullmatch=True)
PARTS = st.one_of(
    st.uuids().map(str),
    st.binary(min_size=20, max_size=32).map(bytes.hex),
    NAMES,
    st.ip_addresses().map(str),
    st.lists(NAMES, min_size=1, max_size=5).map(lambda steps: "/" + "/".join(steps)),
    st.integers().map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.tuples(NAMES, st.integers(1, 65535)).map(lambda host: f"https://{host[0]}:{host[1]}/{host[0]}"),
    st.binary(min_size=32, max_size=32).map(lambda each: f"sha256:{each.hex()}"),
)


@given(st.lists(PARTS, min_size=1, max_size=8).map(" ".join))
def test_lines_of_ordinary_parts_are_shown(line: str) -> None:
    assert hide_patterns(line) == line


PIECES = st.one_of(
    st.sampled_from([*TOKENS.values(), *VALUES.values()]),
    st.sampled_from(
        ["password", "=", ":", '"', "'", "\\", " ", "\n", "token", "Bearer ", "://", "@", HIDDEN, "eyJ", "--"]
    ),
    st.text(alphabet=string.ascii_letters + string.digits + "=+/.-_", max_size=20),
    st.text(st.characters(exclude_categories=()), max_size=5),
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("password=\ud800\udfff1234")
@example(f'password="{HIDDEN}')
def test_hiding_is_total_done_once_and_makes_nothing_longer(text: str) -> None:
    hidden = hide_patterns(text)
    assert hide_patterns(hidden) == hidden
    assert len(hidden) <= len(text)


@given(st.lists(PIECES, max_size=6).map("".join), st.sampled_from(sorted(TOKENS.values())))
def test_no_text_before_it_keeps_a_token_from_being_hidden(before: str, token: str) -> None:
    assert hide_patterns(f"{before} {token}").endswith(HIDDEN)


@pytest.mark.parametrize("key", ["password", "db_password", "apiKey", "client_secret", "X-Vault-Token", "passphrase"])
def test_names_of_credentials_are_known(key: str) -> None:
    assert named_like_a_secret(key)


@pytest.mark.parametrize("key", ["id", "password_file", "secretName", "max_tokens", "key", "public_key", "\ud800"])
def test_other_names_are_not(key: str) -> None:
    assert not named_like_a_secret(key)
