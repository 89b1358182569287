"""A dispatcher that runs for the length of a block, on carriers that a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool
from tests.dispatch.scripted_carrier import ScriptedCarrier

CALLBACKS = CallbackAddress("http://callbacks.invalid", b"k" * 32)

QUICK = DispatchSettings(
    poll=0.02,
    rescue_interval=0.05,
    look_up_after=(0.05, 0.1, 0.3),
    doubt_limit=0.4,
    drain=5.0,
)
"""Waits short enough for a test; the order of events is the product's."""


@asynccontextmanager
async def dispatching(
    pool: Pool, *carriers: ScriptedCarrier, settings: DispatchSettings = QUICK
) -> AsyncIterator[Dispatcher]:
    """Runs a dispatcher, and stops it as a server does."""
    dispatcher = Dispatcher(pool, {c.name: c for c in carriers}, CALLBACKS, settings)
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))
    try:
        yield dispatcher
    finally:
        stop.set()
        await running
