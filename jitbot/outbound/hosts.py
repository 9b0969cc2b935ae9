"""Only hosts that the operator allows are ever talked to, whatever a policy or a request says."""

import httpx2

from jitbot.errors import NotGranted
from jitbot.ports import Site

_PORTS = {"http": 80, "https": 443}


def allowed(url: str, site: Site) -> httpx2.URL:
    """Return an address that may be talked to. Raises: NotGranted."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise NotGranted(f"{url[:200]!r} is no URL: {error}") from error
    host = parsed.netloc.decode("ascii")
    with_port = host if parsed.port else f"{host}:{_PORTS.get(parsed.scheme, 0)}"
    if parsed.scheme not in _PORTS or parsed.userinfo or not {host, with_port} & site.hosts:
        raise NotGranted(f"jitbot may not talk to {host}: it is not among the hosts that its operator allows.")
    return parsed
