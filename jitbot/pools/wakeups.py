"""Wake-ups, by procrastinate: the only place that knows it, imported only where there are pools.

A job says no more than which call to look at. What becomes of the job is of no consequence: one that is lost with its
worker stays `doing` for ever, so the service wakes again for what nobody has taken, and what is left over is swept up.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from jitbot.errors import SettingsError, StoreUnavailable

try:
    from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import DeleteJobCondition, Status
    from procrastinate.schema import SchemaManager
except ImportError as error:
    raise SettingsError("Pools need a package that is not installed: pip install 'jitbot[pools]'") from error

log = logging.getLogger(__name__)

TASK = "jitbot.call"
POLL_SECONDS = 5.0
"""How often a worker looks for wake-ups of which it was not notified."""
CONNECTIONS = 4
LEFT_OVER_SECONDS = 60
"""After so long without a sign of its worker a job is swept up."""

_WRITER = App(connector=SyncPsycopgConnector())
"""Never opened: it writes on the connection that it is handed."""


def wake(connection: Connection, queue: str, call: str, attempt: int) -> None:
    """Wake one worker for a call, once this transaction is committed. Raises: StoreUnavailable."""
    raw = connection.connection.driver_connection
    try:
        _WRITER.configure_task(TASK, queue=queue, connection=raw).defer(call=call, attempt=attempt)
    except ConnectorException as error:
        raise StoreUnavailable(f"The queue {queue} does not take a wake-up ({type(error).__name__}).") from error


def tables() -> str:
    """Return the statements that make procrastinate's tables, for a schema that has none."""
    return SchemaManager.get_schema()


class Wakeups:
    """Takes the wake-ups of one pool, so many at the same time, until it is told to stop."""

    def __init__(self, conninfo: str, options: str, queue: str, hands: int) -> None:
        self._queue, self._hands = queue, hands
        self._conninfo, self._options = conninfo, options

    async def listen(self, carry_out: Callable[[str, int], Awaitable[None]], told: asyncio.Event) -> None:
        """Hand each wake-up to `carry_out`, until told to stop. What is in hand then is not waited for.

        Raises: OSError where the queue cannot be reached any more.
        """
        way = {"options": self._options}
        app = App(connector=PsycopgConnector(conninfo=self._conninfo, kwargs=way, min_size=1, max_size=CONNECTIONS))
        app.task(name=TASK, queue=self._queue)(carry_out)
        try:
            async with app.open_async():
                await self._sweep_up(app)
                await self._until(app, told)
        except ConnectorException as error:
            raise OSError(str(error) or type(error).__name__) from error

    async def _until(self, app: App, told: asyncio.Event) -> None:
        work = asyncio.create_task(
            app.run_worker_async(
                queues=[self._queue],
                concurrency=self._hands,
                fetch_job_polling_interval=POLL_SECONDS,
                shutdown_graceful_timeout=0.0,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
            )
        )
        stop = asyncio.create_task(told.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            work.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)
        if not told.is_set():
            raise OSError("the queue was lost")

    async def _sweep_up(self, app: App) -> None:
        """Delete the jobs of workers that were killed; what they were about is looked after elsewhere."""
        manager = app.job_manager
        for job in await manager.get_stalled_jobs(queue=self._queue, seconds_since_heartbeat=LEFT_OVER_SECONDS):
            await manager.finish_job(job, Status.FAILED, delete_job=True)
