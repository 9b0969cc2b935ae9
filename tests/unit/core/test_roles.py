"""What a process does is said by its roles: all of them, where nobody says anything."""

import pytest

from jitbot.errors import SettingsError
from jitbot.settings import ROLES, read_settings


def test_it_has_all_of_them_where_nobody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JITBOT_ROLES", raising=False)
    assert read_settings().roles == ROLES


def test_they_are_listed_in_a_variable_or_given_and_given_ones_go_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITBOT_ROLES", "work, clock")
    assert read_settings().roles == ("work", "clock")
    assert read_settings(roles="slack").roles == ("slack",)


@pytest.mark.parametrize("said", ["", ",", "slack,worker"])
def test_none_at_all_and_unknown_ones_are_refused_by_the_variables_name(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JITBOT_ROLES", said)
    with pytest.raises(SettingsError, match="JITBOT_ROLES: "):
        read_settings()
