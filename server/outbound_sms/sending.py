"""The dispatcher role of a process: everything that moves messages towards the carriers."""

import asyncio
from collections.abc import Mapping

from outbound_sms.carriers.carrier import Arrivals, Carrier, ConnectedCarrier
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.expand import run_expander
from outbound_sms.dispatch.mass_control import run_mass_control
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool


class Sending:
    """Expansion, dispatch, and the pause and cancel of mass messages, until told to stop."""

    def __init__(
        self,
        pool: Pool,
        queue_pool: Pool,
        carriers: Mapping[str, Carrier],
        callbacks: CallbackAddress,
        settings: DispatchSettings,
    ) -> None:
        self._pool = pool
        self._connected = [c for c in carriers.values() if isinstance(c, ConnectedCarrier)]
        self._dispatcher = Dispatcher(queue_pool, carriers, callbacks, settings)
        self._expander_wake = asyncio.Event()
        self._control_wake = asyncio.Event()
        self._stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def connect(self, arrivals: Arrivals) -> None:
        """Connects the carriers that are reached by connections; what they bring goes there."""
        for carrier in self._connected:
            carrier.connect(arrivals)

    def start(self) -> None:
        """Begins; `task` ends when it has been told to stop, or with what went wrong."""
        self.task = asyncio.create_task(self._run(), name="sending")

    async def stop(self) -> None:
        """Takes no more work; returns when what was begun is finished and the carriers are
        disconnected. Raises what went wrong."""
        self._stop.set()
        try:
            if self.task is not None:
                await self.task
        finally:
            # While the database can still be reached: they may be bringing something.
            await asyncio.gather(*(carrier.close() for carrier in self._connected))

    def wake(self) -> None:
        """A service made work: look at once rather than at the next poll."""
        self._expander_wake.set()
        self._control_wake.set()
        self._dispatcher.work_arrived.set()

    def wake_for_texts(self) -> None:
        """Texts were put into the queue: hand them over at once. Nothing has to be expanded."""
        self._dispatcher.work_arrived.set()

    def wake_for_receipts(self) -> None:
        """Receipts were stored: apply them at once."""
        self._dispatcher.receipts_arrived.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as duties:
            duties.create_task(self._dispatcher.run(self._stop))
            duties.create_task(run_expander(self._pool, self._stop, self._expander_wake))
            duties.create_task(run_mass_control(self._pool, self._stop, self._control_wake))
