import base64
import json
from urllib.parse import quote

import pytest

from jitbot.errors import NotGranted, SettingsError
from jitbot.outbound.site import HIDDEN, EnvironmentSite


def test_a_secret_is_an_environment_variable_by_its_name() -> None:
    site = EnvironmentSite((), {"JITBOT_SECRET_PAGER_KEY": "sesame-1"})
    assert site.secret("pager-key") == "sesame-1"


@pytest.mark.parametrize("name", ["", "../etc", "a b", "1st", "x" * 65, "pager\nkey"])
def test_what_is_no_name_of_a_secret_is_refused(name: str) -> None:
    with pytest.raises(NotGranted, match="no name of a secret"):
        EnvironmentSite((), {}).secret(name)


@pytest.mark.parametrize("environment", [{}, {"JITBOT_SECRET_DB": ""}], ids=["unset", "empty"])
def test_a_missing_secret_names_the_variable_to_set(environment: dict[str, str]) -> None:
    with pytest.raises(NotGranted, match="set JITBOT_SECRET_DB"):
        EnvironmentSite((), environment).secret("db")


def test_a_secret_too_short_to_be_hidden_is_refused() -> None:
    with pytest.raises(NotGranted, match="too short"):
        EnvironmentSite((), {"JITBOT_SECRET_DB": "abc"}).secret("db")


@pytest.mark.parametrize(
    "write",
    [str, lambda s: quote(s, safe=""), lambda s: json.dumps(s), lambda s: base64.b64encode(s.encode()).decode()],
    ids=["plain", "in a URL", "in JSON", "in base64"],
)
def test_a_secret_is_hidden_however_it_is_written(write) -> None:
    secret = 'pa"ss/wörd'
    site = EnvironmentSite((), {"JITBOT_SECRET_DB": secret})
    assert HIDDEN in site.redact(f"<{write(secret)}>")
    assert "rd" not in site.redact(f"<{write(secret)}>").replace(HIDDEN, "")


def test_each_line_of_a_long_secret_is_hidden_but_short_ones_leave_text_readable() -> None:
    site = EnvironmentSite((), {"JITBOT_SECRET_KEY": "-----BEGIN\nMIIabcdef\nx\n"})
    assert site.redact("read MIIabcdef, x") == f"read {HIDDEN}, x"


def test_a_secret_that_contains_another_is_hidden_whole() -> None:
    site = EnvironmentSite((), {"JITBOT_SECRET_A": "sesame", "JITBOT_SECRET_B": "open sesame!"})
    assert site.redact("say open sesame!") == f"say {HIDDEN}"


def test_hosts_are_compared_in_lower_case() -> None:
    assert EnvironmentSite([" Api.Example.com:443 ", "[::1]:80"], {}).hosts == {"api.example.com:443", "[::1]:80"}


@pytest.mark.parametrize("path", ["", "srv", "/", "/srv/../etc", "./srv"])
def test_what_is_no_path_to_grant_stops_the_start(path: str) -> None:
    with pytest.raises(SettingsError, match="cannot be granted to runners"):
        EnvironmentSite((), {}, [path])


@pytest.mark.parametrize("host", ["", "https://a", "a/b", "user@a", "a:b", "*"])
def test_what_is_no_host_stops_the_start(host: str) -> None:
    with pytest.raises(SettingsError, match="is no host"):
        EnvironmentSite([host], {})
