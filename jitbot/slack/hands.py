"""Our own threads: they work on what was taken in and acknowledged, so that Bolt's stay free to acknowledge."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec

log = logging.getLogger(__name__)

WORKERS = 4
"""Few: what they do is computing, and more of them at it would only keep acknowledgements waiting."""

SORRY = 2

Arguments = ParamSpec("Arguments")


class Hands:
    """A pool whose jobs cannot hurt whoever submits them: what fails is logged, what comes too late is left."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="slack-work")
        self._sorry = ThreadPoolExecutor(SORRY, thread_name_prefix="slack-sorry")

    def give(self, job: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Have a job done soon. Never raises: this is called after an acknowledgement."""
        _submit(self._pool, job, lambda: job(*args, **kwargs))

    def apologise(self, job: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Have somebody told soon that nothing came of it, past all jobs that wait for a database that is away."""
        _submit(self._sorry, job, lambda: job(*args, **kwargs))

    def close(self) -> None:
        """Finish what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sorry.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ThreadPoolExecutor, job: object, call: Callable[[], object]) -> None:
    try:
        pool.submit(_safely, call)
    except RuntimeError:  # shutting down: what was taken in is on disk, and the sweep of the next process finds it
        log.info("not begun any more: %s", getattr(job, "__name__", job))


def _safely(job: Callable[[], object]) -> None:
    try:
        job()
    except Exception:
        log.exception("a job for Slack failed")
