"""From inputs to a login: the host has to be allowed and known, and the key is looked up only now."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import asyncssh

from jitbot.errors import NotGranted, RunnerRefused
from jitbot.outbound.paths import granted
from jitbot.ports import Site
from jitbot.runners.ssh.connection import Connection, Login, NotReached, connected
from jitbot.runners.ssh.inputs import SshInputs


@contextmanager
def logged_in(
    told: SshInputs, site: Site, seconds: float, stopping: Callable[[], bool] = lambda: False
) -> Iterator[Connection]:
    """Log in where the inputs say. Raises: NotGranted, RunnerRefused; nothing was run then."""
    login = login_for(told, site)
    try:
        with connected(login, seconds, stopping) as connection:
            yield connection
    except NotReached as error:
        raise RunnerRefused(f"Nothing was run as {told.place}: {error}.") from error


def login_for(told: SshInputs, site: Site) -> Login:
    """Return how to log in. Raises: NotGranted, RunnerRefused."""
    if told.address not in site.hosts:  # a name alone is allowed for HTTP and not for this
        raise NotGranted(
            f"jitbot may not log in at {told.host}: {told.address} is not among the hosts that its operator allows."
        )
    key = private_key(told.key.secret, site)
    if told.known_hosts is None:
        return Login(told.host, told.port, told.user, key, (_keys(told.host_keys), [], []))
    try:
        known = asyncssh.read_known_hosts(str(granted(told.known_hosts, site)))
    except (OSError, ValueError) as error:  # what the library says may repeat a line of whatever file that is
        why = getattr(error, "strerror", None) or "it is no file of known hosts"
        raise RunnerRefused(f"The known hosts in {told.known_hosts} cannot be read: {why}.") from None
    return Login(told.host, told.port, told.user, key, known)


def private_key(name: str, site: Site) -> asyncssh.SSHKey:
    """Return a private key that is a secret. Raises: NotGranted; what it says holds nothing of the key."""
    text = site.secret(name)
    try:
        return asyncssh.import_private_key(text.strip() + "\n")
    except (asyncssh.KeyImportError, ValueError):
        raise NotGranted(
            f"The secret {name!r} is no private key: put the text of a key file there, as ssh-keygen writes it with "
            "an empty passphrase."
        ) from None


def quoted(words: Sequence[str]) -> str:
    """Return a command as the login shell of the far side reads it: each word as it is, whatever is in it.

    Backslashes stand outside of the quotes: there they mean the same to fish, which reads them inside of them too.
    """
    return " ".join(shlex.quote(word).replace("\\", "'\\\\'") for word in words)


def _keys(lines: Sequence[str]) -> list[asyncssh.SSHKey]:
    return [asyncssh.import_public_key(line) for line in lines]
