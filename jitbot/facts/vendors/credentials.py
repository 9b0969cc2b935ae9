"""How systems know us by one secret: a name and a word together, or a token alone."""

from base64 import b64encode
from typing import Literal

from jitbot.errors import NotGranted
from jitbot.ports import Site

Scheme = Literal["basic", "bearer"]


def authorization(site: Site, name: str, scheme: Scheme, form: str) -> str:
    """Return the header for a secret; `form` is what a basic one looks like, `name:word`. Raises: NotGranted."""
    secret = site.secret(name)
    if scheme == "bearer":
        return f"Bearer {secret}"
    if ":" not in secret.strip(":"):
        raise NotGranted(f"The secret {name!r} has no colon inside: it has to be {form}.")
    return f"Basic {b64encode(secret.encode()).decode()}"
