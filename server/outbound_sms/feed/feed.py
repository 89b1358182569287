"""The feed of one process: its ticker, its listener, its tailer, its retention, and its streams."""

import asyncio
from collections.abc import Collection
from types import TracebackType
from typing import Self

import structlog

from outbound_sms.feed import retention
from outbound_sms.feed.cursor import Cursors
from outbound_sms.feed.hub import Hub
from outbound_sms.feed.listener import Listener
from outbound_sms.feed.tailer import Tailer
from outbound_sms.feed.tick import Ticker
from outbound_sms.feed.watch import Watcher
from outbound_sms.store.pool import Pool

_log = structlog.get_logger(__name__)

# Readiness is lost when the database has answered no tick for so long, in seconds.
SILENCE = 10.0


class Feed:
    """Runs from `async with` to its end. Streams end by `drain`; the rest goes on until then.

    Holds two connections of `pool` for good. `key` signs cursors and is shared by all processes.
    """

    def __init__(self, pool: Pool, key: bytes, drain: asyncio.Event) -> None:
        self._pool = pool
        self._drain = drain
        self._tasks: list[asyncio.Task[None]] = []
        self.hub = Hub()
        self.cursors = Cursors(key)
        self.watcher = Watcher(pool, self.hub, self.cursors, drain)
        self._tailer = Tailer(pool, self.hub)
        self._listener = Listener(pool, self._tailer.wake)
        self._ticker = Ticker(pool, self.hub.set_epochs, self._tailer.wake)

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("feed ticker", self._ticker.run()),
                ("feed listener", self._listener.run()),
                ("feed tailer", self._tailer.run()),
                ("feed retention", retention.run(self._pool)),
                ("feed drain", self._wake_streams_on_drain()),
            )
        ]
        for task in self._tasks:
            task.add_done_callback(_report)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await end(self._tasks)

    def trouble(self) -> str | None:
        """Why the process is not ready to serve streams, or None when it is."""
        if not self._tasks:
            return "the feed has not started"
        if self._ticker.needs_rebase:
            return "the database was restored into another cluster; run the feed rebase"
        if self._ticker.silence > SILENCE:
            return f"the database has answered no tick for {self._ticker.silence:.0f} s"
        if self._drain.is_set():
            return None
        stopped = [task.get_name() for task in self._tasks if task.done()]
        return f"stopped by a defect: {', '.join(stopped)}" if stopped else None

    async def _wake_streams_on_drain(self) -> None:
        await self._drain.wait()
        self.hub.wake_all()


async def end(tasks: Collection["asyncio.Task[None]"]) -> None:
    """Cancels tasks and waits for them.

    Again and again: before Python 3.12 a task that just connects may not notice the first.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=0.5)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("feed_task_failed", task=task.get_name(), exc_info=error)
