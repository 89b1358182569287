"""The money part of the dispatcher role: everything that looks after balances by itself."""

import asyncio
from collections.abc import Callable
from functools import partial

from outbound_sms.billing.ledger_checks import run_ledger_checks
from outbound_sms.billing.low_funds import tell_low_funds_once
from outbound_sms.billing.top_ups import TopUpWorker
from outbound_sms.billing.wanted_top_ups import open_wanted_once
from outbound_sms.dispatch.loops import repeat
from outbound_sms.payments.gateway import PaymentGateway
from outbound_sms.store.pool import Pool

TOP_UP_INTERVAL = 1.0
WANTED_INTERVAL = 60.0
LOW_FUNDS_INTERVAL = 1.0


class Charging:
    """Charges top-ups, opens those that are wanted, tells of low funds, checks the ledger.

    Without a `gateway` nothing is charged and nothing is opened. `wake_dispatcher` is called when
    texts that waited for a top-up may go.
    """

    def __init__(
        self, pool: Pool, gateway: PaymentGateway | None, wake_dispatcher: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._worker = TopUpWorker(pool, gateway, wake_dispatcher) if gateway is not None else None
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; `task` ends when it has been told to stop, or with what went wrong."""
        self.task = asyncio.create_task(self._run(), name="charging")

    async def stop(self) -> None:
        """Takes no more work; returns when what was begun is finished. Raises what went wrong."""
        self._stop.set()
        if self.task is not None:
            await self.task

    def wake(self) -> None:
        """A top-up was opened: charge it at once rather than at the next poll."""
        if self._worker is not None:
            self._worker.arrived.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as duties:
            duties.create_task(
                repeat(
                    partial(tell_low_funds_once, self._pool),
                    name="low_funds",
                    interval=LOW_FUNDS_INTERVAL,
                    stop=self._stop,
                )
            )
            duties.create_task(run_ledger_checks(self._pool, self._stop))
            if self._worker is not None:
                self._start_top_ups(duties, self._worker)
        if self._worker is not None:
            await self._worker.drain()

    def _start_top_ups(self, duties: asyncio.TaskGroup, worker: TopUpWorker) -> None:
        duties.create_task(
            repeat(
                worker.take_once,
                name="top_ups",
                interval=TOP_UP_INTERVAL,
                stop=self._stop,
                wake=worker.arrived,
            )
        )
        duties.create_task(
            repeat(self._open_wanted, name="wanted", interval=WANTED_INTERVAL, stop=self._stop)
        )

    async def _open_wanted(self) -> int:
        if await open_wanted_once(self._pool):
            self.wake()
        return 0
