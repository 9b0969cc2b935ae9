"""Delivery of commands, interactions and events to the app, and what became of each.

A person's act is delivered once. An event that is not acknowledged is delivered again, at once, after a
minute and after five, by the local Slack's clock (https://docs.slack.dev/apis/events-api).
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from jitbot.sandbox.calllog import KEPT, CallLog
from jitbot.sandbox.faults import Fault, Faults
from jitbot.sandbox.http_delivery import HttpDoor
from jitbot.sandbox.limits import ACK_SECONDS, EVENT_RETRY_AFTER_SECONDS
from jitbot.sandbox.parcels import Ack, Json, Parcel, Retry, lost
from jitbot.sandbox.refusals import ActRefusal
from jitbot.sandbox.sockets import NoSocket, SocketHub
from jitbot.sandbox.state import State
from jitbot.sandbox.workspace import HttpDelivery


class Courier:
    """Brings parcels to the app by Socket Mode or by signed HTTP."""

    def __init__(self, state: State, hub: SocketHub, log: CallLog, faults: Faults) -> None:
        self._state = state
        self._hub = hub
        self._log = log
        self._faults = faults
        self._door = HttpDoor()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sent: OrderedDict[int, Parcel] = OrderedDict()
        self._event_numbers = itertools.count(1)

    async def deliver(self, parcel: Parcel, retry: Retry | None = None) -> Ack:
        """Deliver once (or as the faults in force have it) and return the acknowledgement, or its lack."""
        fault = self._faults.on_place(f"delivery:{parcel.kind}", f"delivery:{parcel.envelope}", "delivery")
        if fault is None:
            return await self._logged(parcel, retry)
        return await self._with_fault(fault, parcel, retry)

    async def deliver_event(self, event: Json) -> Ack | None:
        """Deliver an event, with later attempts in the background; None when the app has not subscribed."""
        if _subscription(event, self._state) not in self._state.app.events:
            return None
        return await self._attempt(self._event_parcel(event), None)

    def emit(self, event: Json) -> None:
        """Deliver an event in the background."""
        self.spawn(self.deliver_event(event))

    async def redeliver(self, number: int) -> Ack:
        """Send a logged delivery again, its payload unchanged."""
        parcel = self._sent.get(number)
        if parcel is None:
            raise ActRefusal("delivery_not_found", "Take n from the deliveries of /control/log.", 404)
        return await self._logged(parcel, Retry(1, "timeout"))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something in the background until the end of the server."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Drop what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._door.close()

    def forget(self) -> None:
        """Forget what was sent; nothing of it can be sent again."""
        self._sent.clear()

    # One delivery

    async def _logged(self, parcel: Parcel, retry: Retry | None, *, avoid: str | None = None, skew: float = 0.0) -> Ack:
        entry = self._log.delivery(parcel.kind, parcel.payload, retry.attempt if retry else 0)
        self._remember(entry["n"], parcel)
        started = time.perf_counter()
        how = self._state.app.delivery
        if isinstance(how, HttpDelivery):
            ack = await self._door.deliver(parcel, how.url, self._state.app.signing_secret, retry, skew)
        else:
            ack = await self._by_socket(parcel, retry, avoid)
        ack.took_ms = round((time.perf_counter() - started) * 1000, 2)
        entry |= {"to": ack.to, "took_ms": ack.took_ms, "outcome": "acked" if ack.acked else ack.error}
        return ack

    def _remember(self, number: int, parcel: Parcel) -> None:
        self._sent[number] = parcel
        if len(self._sent) > KEPT:
            self._sent.popitem(last=False)

    async def _by_socket(self, parcel: Parcel, retry: Retry | None, avoid: str | None) -> Ack:
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": parcel.envelope,
            "payload": parcel.payload,
            "accepts_response_payload": parcel.envelope != "events_api",
        }
        if parcel.envelope == "events_api":
            envelope |= {"retry_attempt": retry.attempt if retry else 0, "retry_reason": retry.reason if retry else ""}
        try:
            name, body = await self._hub.exchange(envelope, avoid=avoid)
        except NoSocket:
            return lost("dispatch_failed", "connection_failed", to="no socket")
        except TimeoutError:
            return lost("operation_timeout", "timeout", to="socket")
        return Ack(acked=True, body=body, to=name)

    # Faults

    async def _with_fault(self, fault: Fault, parcel: Parcel, retry: Retry | None) -> Ack:
        if fault.kind in ("late", "slow"):
            return await self._late(fault.delay, parcel, retry)
        if fault.kind == "much_later":
            return self._much_later(fault.delay, parcel, retry)
        if fault.kind in ("drop", "hang"):
            return lost("operation_timeout", "timeout", to="nobody")
        ack = await self._logged(parcel, retry, skew=fault.delay if fault.kind == "skewed" else 0.0)
        if fault.kind == "lost_ack":
            return lost("operation_timeout", "timeout", to=ack.to, took_ms=ack.took_ms)
        if fault.kind in ("duplicate", "other_socket"):
            avoid = ack.to if fault.kind == "other_socket" else None
            self.spawn(self._logged(parcel, retry, avoid=avoid))
        return ack

    async def _late(self, delay: float, parcel: Parcel, retry: Retry | None) -> Ack:
        async def later() -> Ack:
            await asyncio.sleep(delay)
            return await self._logged(parcel, retry)

        task = self.spawn(later())
        try:
            ack: Ack = await asyncio.wait_for(asyncio.shield(task), ACK_SECONDS)
        except TimeoutError:
            return lost("operation_timeout", "timeout", to="late", took_ms=ACK_SECONDS * 1000)
        return ack

    def _much_later(self, delay: float, parcel: Parcel, retry: Retry | None) -> Ack:
        """Deliver when so much has passed by the local Slack's clock; the person is not kept waiting for it."""
        clock = self._state.clock
        clock.call_at(clock.now() + delay, lambda: self._bring(parcel, retry))
        return lost("operation_timeout", "timeout", to="late")

    def _bring(self, parcel: Parcel, retry: Retry | None) -> None:
        self.spawn(self._logged(parcel, retry))

    # Events

    async def _attempt(self, parcel: Parcel, retry: Retry | None) -> Ack:
        began_at = self._state.clock.now()
        ack = await self.deliver(parcel, retry)
        done = retry.attempt if retry else 0
        if not ack.acked and not ack.no_retry and done < len(EVENT_RETRY_AFTER_SECONDS):
            again = Retry(done + 1, ack.retry_reason)
            due_at = began_at + EVENT_RETRY_AFTER_SECONDS[done]
            self._state.clock.call_at(due_at, lambda: self._attempt_again(parcel, again))
        return ack

    def _attempt_again(self, parcel: Parcel, retry: Retry) -> None:
        self.spawn(self._attempt(parcel, retry))

    def _event_parcel(self, event: Json) -> Parcel:
        state, app = self._state, self._state.app
        payload: Json = {
            "token": app.verification_token,
            "team_id": state.team.id,
            "context_team_id": state.team.id,
            "context_enterprise_id": None,
            "api_app_id": app.id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{next(self._event_numbers):08X}",
            "event_time": int(state.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": state.team.id,
                    "user_id": app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        return Parcel(kind=str(event["type"]), envelope="events_api", payload=payload)


def _subscription(event: Json, state: State) -> str:
    if event["type"] != "message":
        return str(event["type"])
    return {"channel": "message.channels", "group": "message.groups"}.get(event["channel_type"], "message.im")
