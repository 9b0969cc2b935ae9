"""A session of botocore that takes nothing from this machine: no variable, no file of a home, no metadata service.

botocore is an extra, so it is imported only when a client is made.
"""

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import Any

from jitbot.runners.aws.account import Account, Service

PATIENCE_SECONDS = 10.0
"""How long one call may take at most."""

_LEAST_SECONDS = 0.1
_LOCK = Lock()
"""Clients may be used in any thread, and made in one at a time: https://docs.aws.amazon.com/boto3/latest/guide/clients.html"""


def demand_botocore() -> None:
    """See that botocore is installed. Raises: ModuleNotFoundError, with what to install."""
    if find_spec("botocore") is None:
        raise ModuleNotFoundError(
            "botocore is not installed, which the runners for AWS need: pip install 'jitbot[aws]'"
        )


def client(
    told: Account, service: Service, keys: dict[str, str] | None, seconds: float, see: Callable[..., None]
) -> Any:
    """Make a client whose calls are sent once, and end within some seconds. Without keys, calls are not signed.

    `see(request=…)` is asked about each request just before it is sent.
    """
    import botocore
    from botocore.config import Config

    config = Config(
        connect_timeout=max(_LEAST_SECONDS, seconds / 3),
        read_timeout=max(_LEAST_SECONDS, seconds / 2),
        retries={"mode": "standard", "total_max_attempts": 1},
        proxies={},
        ignore_configured_endpoint_urls=True,
        user_agent_extra="jitbot",
        **({} if keys else {"signature_version": botocore.UNSIGNED}),
    )
    endpoint = told.endpoints.get(service)
    with _LOCK:
        made = _session().create_client(
            service, region_name=told.region, endpoint_url=endpoint, config=config, **(keys or {})
        )
    made.meta.events.register("before-send", see)
    return made


@cache
def _session() -> Any:
    """Return the one session, to which botocore's variables and files have been made unknown."""
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
    from botocore.credentials import CredentialResolver
    from botocore.loaders import Loader
    from botocore.session import Session

    known = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    nowhere = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    session = Session(session_vars={**known, **nowhere})
    session.register_component("credential_provider", CredentialResolver([]))
    # Without this, descriptions of services in ~/.aws/models would be taken for those of AWS.
    builtin = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    session.register_component("data_loader", builtin)
    return session
