"""What `jitbot doctor` says of facts: the sources that may be loaded, and each fact and rota of the policies."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from jitbot.cli.finding import Finding
from jitbot.compose import open_sources
from jitbot.errors import JitbotError
from jitbot.facts.trial import Tried, try_all
from jitbot.model import Policy
from jitbot.settings import Settings

ADVICE = (
    ("may not talk to", "Add the host to JITBOT_HTTP_HOSTS, if the policies may read there."),
    ("is not set", "Until then conditions on it err, and an error never loosens anything."),
    ("(401)", "Look at the secret that the policy names for it: it may be wrong or have run out."),
    ("(403)", "Give its credentials the right to read this."),
    ("(404)", "Look at the address and at the names in its arguments."),
)
OTHERWISE = "Try its address from this machine. Until it answers, conditions on it err and never loosen anything."


def facts(settings: Settings, policy: Policy) -> Iterator[Finding]:
    """Look at every source, then read every fact and rota that can be read without a request."""
    try:
        sources = open_sources(settings)
        for name in sources.names():
            sources.source(name)
    except JitbotError as error:
        yield Finding("facts", str(error), False, "JITBOT_FACTS lists those that may be loaded.")
        return
    yield Finding("facts", ", ".join(sources.names()) or "no sources are allowed")
    for tried in try_all(policy, sources, datetime.fromtimestamp(time.time(), UTC)):
        yield _finding(tried)


def _finding(tried: Tried) -> Finding:
    subject = f"{tried.call.source} for {tried.call.name} ({tried.call.where})"
    if tried.read is not False:
        return Finding(subject, tried.said)
    advice = next((advice for words, advice in ADVICE if words in tried.said), OTHERWISE)
    return Finding(subject, tried.said, False, advice)
