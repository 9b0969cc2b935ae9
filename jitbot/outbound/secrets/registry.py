"""Which stores of secrets there are: two of jitbot's own, and plugins of the group `jitbot.secrets`."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from jitbot.errors import SettingsError
from jitbot.outbound.plugins import Plugins, demand
from jitbot.outbound.redaction.redactor import Redactor
from jitbot.outbound.secrets.environment import EnvironmentStore
from jitbot.outbound.secrets.file import FileStore
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.secrets.section import Sections, read_sections
from jitbot.ports import SecretStore
from jitbot.settings import Settings

GROUP = "jitbot.secrets"


class _Site:
    """Implements `ports.StoreSite`."""

    def __init__(self, sections: Sections, redactor: Redactor) -> None:
        self._sections = sections
        self.hide: Callable[[str], None] = redactor.hide

    def section(self, name: str) -> Mapping[str, Any]:
        return self._sections.get(name, {})


def open_secrets(settings: Settings, environment: Mapping[str, str] = os.environ) -> Secrets:
    """Find the stores that may be asked; none is asked yet. What settings hold that is secret is hidden from now on.

    Raises: SettingsError.
    """
    redactor = Redactor()
    for value in _of_settings(settings):
        redactor.hide(value)
    names = settings.secrets
    if len(set(names)) != len(names):
        raise SettingsError("JITBOT_SECRETS lists a store twice: each is asked once, in this order.")
    own: dict[str, Callable[[], SecretStore]] = {
        "environment": lambda: EnvironmentStore(redactor.hide, environment),
        "file": lambda: FileStore(settings.secrets_folder),
    }
    others = tuple(name for name in names if name not in own)
    site = _Site(read_sections(settings.secrets_file, others, settings.policies), redactor)
    plugins: Plugins[SecretStore] = Plugins(GROUP, "store", others, site, _checked)
    return Secrets({name: own[name]() if name in own else plugins.load(name) for name in names}, redactor)


def _of_settings(settings: Settings) -> Iterator[str]:
    for each in (settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret):
        if each is not None:
            yield each.get_secret_value()
    password = urlsplit(settings.database_url).password
    if password is not None:
        yield password
        yield unquote(password)


def _checked(name: str, store: Any) -> SecretStore:
    lacking = [] if callable(getattr(store, "read", None)) else ["read"]
    demand(f"The store {name!r} ({type(store).__qualname__})", "store", lacking, "SecretStore")
    found: SecretStore = store
    return found
