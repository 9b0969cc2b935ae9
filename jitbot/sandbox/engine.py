"""All parts of one local Slack, wired together. The only place that builds them."""

from __future__ import annotations

from jitbot.sandbox.acting import Acting
from jitbot.sandbox.calllog import CallLog
from jitbot.sandbox.clock import MovableClock
from jitbot.sandbox.delivery import Courier
from jitbot.sandbox.faults import Faults
from jitbot.sandbox.forms import Forms
from jitbot.sandbox.messages import Json
from jitbot.sandbox.payloads import Payloads
from jitbot.sandbox.rates import RateLimits
from jitbot.sandbox.sockets import SocketHub
from jitbot.sandbox.state import State
from jitbot.sandbox.tickets import Tickets
from jitbot.sandbox.web_api.call import Call
from jitbot.sandbox.workspace import Workspace


class Engine:
    """One local Slack, without its HTTP surface."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.stopped = False
        self.clock = MovableClock()
        self.state = State(workspace, self.clock)
        self.log = CallLog(self.clock)
        self.faults = Faults()
        self.tickets = Tickets(self.clock)
        self.hub = SocketHub(workspace.app.id)
        self.rates = RateLimits(self.clock)
        self.rates.enabled = workspace.rate_limits
        self.courier = Courier(self.state, self.hub, self.log, self.faults)
        self.payloads = Payloads(self.state, self.tickets)
        self.acting = Acting(self.state, self.payloads, self.courier)
        self.forms = Forms(self.state, self.payloads, self.courier, self.acting)

    @property
    def base_url(self) -> str:
        """Where the local Slack is reached, without a slash at the end."""
        return self.payloads.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.payloads.base_url = url

    def call(self, args: Json) -> Call:
        """Return one Web API call."""
        return Call(
            args=args,
            state=self.state,
            tickets=self.tickets,
            hub=self.hub,
            courier=self.courier,
            rates=self.rates,
            base_url=self.base_url,
        )

    def reset(self) -> None:
        """Go back to the workspace file; sockets stay open."""
        self.clock.reset()
        self.state.load(self.workspace)
        self.log.clear()
        self.faults.replace([])
        self.tickets.forget()
        self.rates.forget()
        self.courier.forget()

    async def stop(self) -> None:
        """End what is under way."""
        self.stopped = True
        self.clock.stop()
        self.state.wake_all()
        await self.courier.stop()
        await self.hub.close_all()
