"""A dispatcher that runs for the length of a block, on carriers that a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from outbound_sms.carriers.carrier import Carrier
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool
from tests.dispatch.queue_factory import fill_queue
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.waiting import wait_until

CALLBACKS = CallbackAddress("http://callbacks.invalid", b"k" * 32)

QUICK = DispatchSettings(
    poll=0.02,
    rescue_interval=0.05,
    look_up_after=(0.05, 0.1, 0.3),
    doubt_limit=0.4,
    drain=5.0,
)
"""Waits short enough for a test; the order of events is the product's."""


_senders = (f"+1303{5_550_100 + n}" for n in count())


@asynccontextmanager
async def dispatching(
    pool: Pool, *carriers: Carrier, settings: DispatchSettings = QUICK
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


async def seen_by_dispatcher(pool: Pool, carrier: ScriptedCarrier) -> None:
    """Returns when whatever the dispatcher knows is from after the call, and it holds nothing.

    It puts in one message that nothing holds, of an instance that it makes: such a message can only
    go out after a new look at the queue.
    """
    sender = next(_senders)
    await fill_queue(pool, 1, name=sender, sender=sender, recipients=[sender])

    async def nothing_held() -> bool:
        if not carrier.asked[sender]:
            return False
        return not await pool.fetchval(
            "SELECT EXISTS (SELECT FROM dispatch WHERE owner IS NOT NULL)"
        )

    await wait_until(nothing_held, 10, "the dispatcher has looked, and handed over what it took")
