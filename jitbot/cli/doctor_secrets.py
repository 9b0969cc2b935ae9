"""What `jitbot doctor` says of secrets: each that policies name, whether it can be read, and from where; never more."""

from collections.abc import Iterator

from jitbot.cli.finding import Finding
from jitbot.compose import open_sources
from jitbot.errors import JitbotError, NotGranted, SecretUnavailable
from jitbot.model import Policy
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.settings import Settings
from jitbot.workbench.secret_names import NamedSecret, secret_names

UNSET = "Until then nothing that needs it runs, and facts that need it are unread."
UNAVAILABLE = "No store after this one is asked for it, so that an older value is never used by mistake."


def secrets(settings: Settings, policy: Policy) -> Iterator[Finding]:
    """Read every secret that policies name."""
    try:
        found = open_secrets(settings)
        wanted = secret_names(policy, open_sources(settings, secrets=found))
    except JitbotError as error:
        yield Finding("secrets", str(error), False, "JITBOT_SECRETS lists the stores that are asked.")
        return
    yield Finding("secrets", f"asked for in this order: {', '.join(found.stores()) or 'nowhere'}")
    for each in wanted:
        yield _finding(each, found)


def _finding(each: NamedSecret, found: Secrets) -> Finding:
    subject = f"secret {each.name} ({', '.join(each.places)})"
    if each.needs:
        return Finding(
            subject, f"is read when somebody asks; it needs {', '.join(f'{{{name}}}' for name in each.needs)}"
        )
    try:
        return Finding(subject, f"can be read, from {found.read(each.name).store}")
    except SecretUnavailable as error:
        return Finding(subject, str(error), False, UNAVAILABLE)
    except NotGranted as error:
        return Finding(subject, str(error), False, UNSET)
