"""How long it takes to look for credentials in an ordinary log, of which none has any."""

import time

from benchmarks.figures import Figure, bounded
from jitbot.outbound.redaction.redactor import Redactor

SECRETS = 20
"""So many known values are looked for besides the patterns."""
MEGABYTE = 1_000_000
MOST_MILLISECONDS = 100
"""For one megabyte: ten megabytes a second."""

LOG = (
    "2026-11-25T10:00:00.123Z INFO  payments-api-7d9c6b5f4-x2x9k 10.0.12.7 GET /v1/orders/550e8400-e29b 200 in 12ms",
    'time=10:00:01 level=warn msg="retrying" host=db-2.example:5432 attempt=3 trace=3b18e512dba79e4c8300dd08aeb37f8e',
    "Pulled registry.example:5000/api@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 in 3.2s",
    '{"level":"info","service":"worker","queue":"default","took":0.0123,"path":"/var/lib/worker/jobs/16384.json"}',
)


def measure() -> list[Figure]:
    """Redact a megabyte line by line, as it comes from a runner, three times; the fastest counts."""
    redactor = Redactor()
    for number in range(SECRETS):
        redactor.hide(f"sesame-number-{number}-of-the-benchmark")
    lines = [*LOG] * (MEGABYTE // sum(map(len, LOG)))
    fastest = min(_seconds(redactor, lines) for _ in range(3))
    what = f"looking for credentials in a megabyte of a log, {SECRETS} known ones and the patterns"
    return [bounded(what, fastest * 1000 * MEGABYTE / sum(map(len, lines)), "ms", MOST_MILLISECONDS)]


def _seconds(redactor: Redactor, lines: list[str]) -> float:
    began = time.perf_counter()
    for line in lines:
        redactor.redact(line)
    return time.perf_counter() - began
