"""Open-loop load: every act is sent at its own instant, whether or not those before it were answered.

A closed loop would slow down with whatever it measures, and so would never see it be late.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody does: `kind` is the control API's name for it."""

    user: str
    kind: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Tally:
    """What became of a number of acts; times in milliseconds, from delivery to acknowledgement."""

    took_ms: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    """Acts that were not acknowledged within Slack's three seconds, or that the local Slack refused, by its words."""

    def add(self, other: "Tally") -> None:
        """Take in another tally."""
        self.took_ms += other.took_ms
        self.faults += other.faults


def fire(url: str, acts: Sequence[Act], rate: float) -> Tally:
    """Send the acts at a fixed rate, and wait until the last one was answered."""
    with ThreadPoolExecutor(1) as own:  # whoever calls may have an event loop in its thread already
        return own.submit(lambda: asyncio.run(_fire(url, acts, rate))).result()


async def _fire(url: str, acts: Sequence[Act], rate: float) -> Tally:
    tally = Tally()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False, limits=limits) as client:
        loop = asyncio.get_running_loop()
        first = loop.time() + 0.05
        await asyncio.gather(*(_one(client, act, first + number / rate, tally) for number, act in enumerate(acts)))
    return tally


async def _one(client: httpx2.AsyncClient, act: Act, at: float, tally: Tally) -> None:
    await asyncio.sleep(at - asyncio.get_running_loop().time())
    try:
        answer = (await client.post(f"/control/as/{act.user}/{act.kind}", json=act.body)).json()
    except (httpx2.HTTPError, ValueError) as error:
        tally.faults[type(error).__name__] += 1
        return
    if answer.get("acked"):
        tally.took_ms.append(float(answer["took_ms"]))
    else:
        tally.faults[str(answer.get("error", "not acked"))] += 1
