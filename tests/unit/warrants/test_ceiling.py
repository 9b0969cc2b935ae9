"""Ceilings: what is not named is refused, values are compared as they are, and the file is read strictly."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import NotGranted, PolicyError, SettingsError
from jitbot.outbound.redaction.redactor import Redactor
from jitbot.outbound.secrets.environment import EnvironmentStore
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.site import GrantedSite
from jitbot.warrants.ceiling import Ceiling, fits
from jitbot.warrants.ceiling_file import parsed, read_ceiling, read_copy

FILE = """
runners:
  ssh.command:
    inputs:
      host: [bastion, {pattern: "web-[0-9]+"}]
      argv:
        - [systemctl, restart, {pattern: "[a-z]+"}]
        - {each: {pattern: "[a-z]+"}}
      variables: [{KEY: {secret: vault-key}}]
      timeout: [{any: true}]
  http:
secrets: [vault-key]
hosts: [API.example.com]
""".replace("  http:\n", "  http: {}\n")
CEILING = parsed("ceiling.yml", FILE)


def why(**inputs: Any) -> list[str]:
    return [words for _, words in CEILING.faults("ssh.command", inputs)]


@pytest.mark.parametrize(
    "inputs",
    [
        {"host": "bastion"},
        {"host": "web-12", "timeout": 7},
        {"argv": ["systemctl", "restart", "nginx"]},
        {"argv": ["a", "b", "c", "d"]},
        {"argv": []},
        {"variables": {"KEY": {"secret": "vault-key"}}},
        {},
    ],
    ids=repr,
)
def test_what_is_named_is_allowed(inputs: dict[str, Any]) -> None:
    assert why(**inputs) == []


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"host": "db-1"}, "it does not allow this `host` of ssh.command"),
        ({"host": "web-1; reboot"}, "it does not allow this `host` of ssh.command"),
        ({"host": "xweb-1"}, "it does not allow this `host` of ssh.command"),
        ({"user": "root"}, "the input `user` of ssh.command is not in it"),
        ({"argv": ["systemctl", "restart", "NGINX"]}, "it does not allow this `argv` of ssh.command"),
        ({"argv": ["rm", "-rf"]}, "it does not allow this `argv` of ssh.command"),
        ({"argv": "systemctl"}, "it does not allow this `argv` of ssh.command"),
        ({"variables": {}}, "it does not allow this `variables` of ssh.command"),
        ({"timeout": {"secret": "root-key"}}, "the secret root-key is not in it"),
        ({"timeout": [{"x": {"secret": "root-key", "prefix": "Bearer "}}]}, "the secret root-key is not in it"),
    ],
    ids=repr,
)
def test_what_is_not_named_is_refused(inputs: dict[str, Any], words: str) -> None:
    assert why(**inputs) == [words]


def test_a_runner_that_is_not_named_is_refused_and_one_without_inputs_takes_none() -> None:
    assert list(CEILING.faults("command", {})) == [("", "the runner command is not in it")]
    assert list(CEILING.faults("http", {})) == []
    assert list(CEILING.faults("http", {"url": "x"})) == [("url", "the input `url` of http is not in it")]


@pytest.mark.parametrize(
    ("value", "shape", "fit"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        ("1", 1, False),
        (None, None, True),
        (7, {"pattern": "7"}, False),
        ({"pattern": "x", "y": 1}, {"pattern": "x", "y": 1}, True),
        ({"a": "b"}, {"a": {"pattern": "."}}, True),
        ({"a": "b", "c": "d"}, {"a": "b"}, False),
        ("a", {"a": "b"}, False),
        ("ab", {"each": {"pattern": "."}}, False),
    ],
    ids=repr,
)
def test_values_are_compared_with_their_types(value: Any, shape: Any, fit: bool) -> None:
    assert fits(value, shape) is fit


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hosts:", "host:", "ceiling.yml:13:1: 'host' is not a key here. Did you mean hosts?"),
        ("runners:", "runner:", "`runners` is missing"),
        ('"web-[0-9]+"', '"web-["', "ceiling.yml:5:33: this is not a pattern (RE2)"),
        ('"web-[0-9]+"', "7", "ceiling.yml:5:33: a pattern is a text"),
        ("any: true", "any: 1", "ceiling.yml:10:23: write `any: true`"),
        ("[bastion,", "bastion #", "ceiling.yml:5:13: this must be a list"),
        ("inputs:", "input:", "'input' is not a key here"),
        ("secrets:", "secrets: [a]\nsecrets:", "is here twice"),
        ("[vault-key]", "&x [vault-key]", "anchors are not allowed"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parsed("ceiling.yml", FILE.replace(old, new, 1))
    assert said in str(raised.value)


def test_without_a_file_there_is_no_ceiling() -> None:
    assert read_ceiling(None) is None


def test_a_file_that_others_can_write_or_that_lies_among_the_policies_is_no_ceiling(tmp_path: Path) -> None:
    path = tmp_path / "ceiling.yml"
    with pytest.raises(SettingsError, match=r"JITBOT_CEILING: .* cannot be read"):
        read_ceiling(path)
    path.write_text(FILE)
    path.chmod(0o644)
    assert read_ceiling(path) == CEILING
    path.chmod(0o664)
    with pytest.raises(SettingsError, match="chmod go-w"):
        read_ceiling(path)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="lies among the policies"):
        read_ceiling(path, tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_ceiling(path)
    path.write_text("runners: 7")
    with pytest.raises(SettingsError, match=r"JITBOT_CEILING: ceiling.yml:1:10: this must be a mapping"):
        read_ceiling(path)


def test_an_author_s_copy_is_read_whoever_can_write_it(tmp_path: Path) -> None:
    path = tmp_path / "ceiling.yml"
    path.write_text(FILE)
    path.chmod(0o666)
    assert read_copy(path) == CEILING
    with pytest.raises(PolicyError, match="cannot be read"):
        read_copy(tmp_path / "none.yml")


def test_the_example_of_the_page_is_a_ceiling() -> None:
    page = Path("docs/howto/set-a-ceiling.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    ceiling = parsed("ceiling.yml", example)
    restart = {"argv": ["/opt/acme/bin/restart", "api"], "variables": {"VAULT_KEY": {"secret": "vault-key"}}}
    assert list(ceiling.faults("command", restart)) == []
    assert list(ceiling.faults("command", {"argv": ["/opt/acme/bin/restart", "db"]})) != []
    assert list(ceiling.faults("http", {"url": "https://api.example.com/v1/x", "method": "POST"})) == []
    for shape in ("[api, 443]", '{each: {pattern: "[a-z]+"}}', "{any: true}"):
        parsed("ceiling.yml", f"runners: {{command: {{inputs: {{argv: [{shape}]}}}}}}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_file_of_somebody_else_s_is_no_ceiling(tmp_path: Path) -> None:
    path = tmp_path / "ceiling.yml"
    path.write_text(FILE)
    os.chown(path, 12345, 12345)
    with pytest.raises(SettingsError, match="can be written by others"):
        read_ceiling(path)


def a_site(ceiling: Ceiling | None) -> GrantedSite:
    redactor = Redactor()
    environment = {"JITBOT_SECRET_VAULT_KEY": "open-sesame", "JITBOT_SECRET_ROOT_KEY": "open-sesame-too"}
    store = EnvironmentStore(redactor.hide, environment)
    return GrantedSite(["api.example.com", "db.example.com"], (), Secrets({"environment": store}, redactor), ceiling)


def test_a_runner_is_granted_no_more_hosts_and_secrets_than_the_ceiling_has() -> None:
    assert a_site(None).hosts == {"api.example.com", "db.example.com"}
    assert a_site(None).secret("root-key") == "open-sesame-too"
    low = a_site(CEILING)
    assert low.hosts == {"api.example.com"}
    assert low.secret("vault-key") == "open-sesame"
    with pytest.raises(NotGranted, match="not in the ceiling of this machine"):
        low.secret("root-key")
