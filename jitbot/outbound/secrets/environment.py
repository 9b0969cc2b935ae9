"""Secrets from the environment: `pager-key` is the variable `JITBOT_SECRET_PAGER_KEY`."""

import os
from collections.abc import Callable, Mapping

from jitbot.errors import NotGranted

PREFIX = "JITBOT_SECRET_"


class EnvironmentStore:
    """Implements `ports.SecretStore`. All its values are hidden from the start, whoever asks for them."""

    def __init__(self, hide: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        for name, value in environment.items():
            if name.startswith(PREFIX):
                hide(value)

    def read(self, name: str) -> str:
        variable = PREFIX + name.upper().replace("-", "_")
        value = self._environment.get(variable, "")
        if not value:
            raise NotGranted(f"set {variable} in the environment of jitbot")
        return value
