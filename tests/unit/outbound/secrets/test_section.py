"""The operator's file: strict, outside of the policies, nobody else's to write; what is wrong in it stops the start."""

from pathlib import Path

import pytest

from jitbot.errors import NotGranted, SettingsError
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.settings import Settings

VAULT = """
vault:
  address: https://vault.example:8200
  auth: {token_file: /run/vault/token}
  secrets:
    db: {path: jitbot/db, key: password}
"""


def opened(
    tmp_path: Path, text: str, *, stores: tuple[str, ...] = ("vault",), name: str = "secrets.yml", **more: object
):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    settings = Settings(secrets=stores, secrets_file=file, policies=tmp_path / "policies", **more)  # type: ignore[arg-type]
    return open_secrets(settings, {})


def test_a_good_file_opens_its_stores_without_asking_them(tmp_path: Path) -> None:
    assert opened(tmp_path, VAULT, stores=("environment", "vault")).stores() == ("environment", "vault")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("vault:\n", "valut:\n", "has 'valut', for which JITBOT_SECRETS lists no store"),
        ("https://", "http://", "must begin with https://"),
        ("https://vault.example", "http://10.0.0.7", "must begin with https://"),
        ("https://vault.example", "http://localhost", "must begin with https://"),
        ("vault.example", "user@vault.example", "a user or password"),
        ("{token_file: /run/vault/token}", "{}", "needs exactly one of"),
        ("{token_file: /run/vault/token}", "{token_file: /t, kubernetes: {role: r}}", "needs exactly one of"),
        ("/run/vault/token", "token", "must be a full path"),
        ("token_file: /run/vault/token", "token: hvs.of-the-operator", "vault.auth.token: Extra inputs"),
        ("jitbot/db", "jitbot/../db", "none of them empty"),
        ("jitbot/db", "jitbot//db", "none of them empty"),
        ("jitbot/db", '"jitbot/d%2fb"', "could lead elsewhere"),
        ("jitbot/db", '"jitbot/db?list=true"', "could lead elsewhere"),
        ("jitbot/db", "jitbot/d\u042c", "none of them empty"),
        ("    db:", "    ../db:", "vault.secrets.../db"),
        ("key: password}", "kee: password}", "vault.secrets.db.kee"),
        ("key: password}", "version: 3}", "vault.secrets.db.version"),
        ("  secrets:", "  secrets:\n    db: {path: x}\n  secrets:", "is here twice"),
        ("  auth:", "  ca_file: /nowhere/ca.pem\n  auth:", "ca_file cannot be read"),
        (VAULT, "- vault", "needs one mapping for each store"),
        (VAULT, "vault:", "needs one mapping for each store"),
        (VAULT, "vault: {", "no plain YAML"),
        (VAULT, "vault: &a {b: *a}", "no plain YAML"),
        (VAULT, "", "needs one mapping for each store"),
    ],
)
def test_a_wrong_file_stops_the_start_and_says_where(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in VAULT
    with pytest.raises(SettingsError, match="JITBOT_SECRETS_FILE") as caught:
        opened(tmp_path, VAULT.replace(old, new, 1))
    assert why in str(caught.value)
    assert "of-the-operator" not in str(caught.value)


def test_a_file_among_the_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="lies among the policies"):
        opened(tmp_path, VAULT, name="policies/secrets.yml")


def test_a_link_to_a_file_among_the_policies_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yml").write_text(VAULT)
    (tmp_path / "link.yml").symlink_to("policies/mine.yml")
    settings = Settings(secrets=("vault",), secrets_file=tmp_path / "link.yml", policies=tmp_path / "policies")
    with pytest.raises(SettingsError, match="lies among the policies"):
        open_secrets(settings, {})


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secrets.yml"
    file.write_text(VAULT)
    file.chmod(mode)
    with pytest.raises(SettingsError, match="can be written by others"):
        open_secrets(Settings(secrets=("vault",), secrets_file=file), {})


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        open_secrets(Settings(secrets=("vault",), secrets_file=tmp_path / "nowhere.yml"), {})


@pytest.mark.parametrize("store", ["vault", "aws"])
def test_a_store_without_its_section_stops_the_start(store: str) -> None:
    with pytest.raises(SettingsError, match=f"{store}.secrets: Field required"):
        open_secrets(Settings(secrets=(store,)), {})


def test_a_store_that_is_not_installed_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="allowed but not installed"):
        open_secrets(Settings(secrets=("nowhere",)), {})


def test_a_store_listed_twice_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="lists a store twice"):
        open_secrets(Settings(secrets=("file", "environment", "file")), {})


def test_the_order_is_that_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("of-the-file")
    (tmp_path / "db").chmod(0o400)
    tmp_path.chmod(0o700)
    environment = {"JITBOT_SECRET_DB": "of-the-environment", "JITBOT_SECRET_ONLY": "of-the-environment"}
    for stores, value in ((("file", "environment"), "of-the-file"), (("environment", "file"), "of-the-environment")):
        found = open_secrets(Settings(secrets=stores, secrets_folder=tmp_path), environment)
        assert found.read("db").value == value
        assert found.read("only").store == "environment"


def test_without_its_store_the_environment_is_not_asked_and_not_by_the_way(tmp_path: Path) -> None:
    found = open_secrets(
        Settings(secrets=("file",), secrets_folder=tmp_path), {"JITBOT_SECRET_DB": "of-the-environment"}
    )
    tmp_path.chmod(0o700)
    with pytest.raises(NotGranted, match="put it into the file db"):
        found.read("db")


def test_what_settings_hold_that_is_secret_is_hidden() -> None:
    settings = Settings(
        slack_bot_token="bot-of-the-house",  # type: ignore[arg-type]
        slack_app_token="app-of-the-house",  # type: ignore[arg-type]
        slack_signing_secret="sign-of-the-house",  # type: ignore[arg-type]
        database_url="postgresql+psycopg://jitbot:pass%2Fword@db/jitbot",
    )
    said = open_secrets(settings, {}).redact(
        "bot-of-the-house app-of-the-house sign-of-the-house pass/word pass%2Fword"
    )
    assert said == " ".join([HIDDEN] * 5)
