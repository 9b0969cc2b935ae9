"""Examine where heads of the record are sent: how it is with each sink, by what its last head left behind."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from jitbot.cli.finding import Finding
from jitbot.compose import Store
from jitbot.errors import JitbotError
from jitbot.model import Arrival
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.service.heads import LATE
from jitbot.settings import Settings
from jitbot.sinks.listed import open_sinks


def heads(settings: Settings, store: Store) -> Iterator[Finding]:
    """Look at each sink; nothing is sent."""
    if settings.heads_file is None:
        said = "are sent nowhere, so an older copy of the whole database that is put back is not noticed by itself"
        yield Finding("heads", said, advice="JITBOT_HEADS_FILE says where to send them (docs/howto/keep-heads.md).")
        return
    try:
        secrets = open_secrets(settings)
        sinks = open_sinks(settings.heads_file, settings.policies, lambda name: secrets.read(name).value)
        known, now = store.heads.arrivals(), store.ledger.now()
    except JitbotError as error:
        yield Finding("heads", str(error), False)
        return
    for sink in sinks:
        yield _finding(sink.name, known, now)


def _finding(name: str, known: Mapping[str, Arrival], now: datetime) -> Finding:
    subject, arrival = f"heads to {name}", known.get(name)
    if arrival is None:
        return Finding(subject, "none was sent yet: no jitbot with the role clock has run since it was named")
    why = f", because {arrival.error}" if arrival.error else ""
    if now - arrival.at > LATE:
        said = f"none has arrived since {arrival.at:%Y-%m-%d %H:%M} UTC{why}"
        return Finding(subject, said, False, "See that jitbot runs, and that this sink can be reached and takes it.")
    if not arrival.count:
        return Finding(subject, f"none has arrived yet{why}", not arrival.error)
    return Finding(subject, f"the last arrived at {arrival.at:%Y-%m-%d %H:%M} UTC, with event {arrival.count}")
