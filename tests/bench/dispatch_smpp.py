"""Dispatch over SMPP with receipts, every message durable from the queue to Delivered, against a
bare client of the same SMSC that stores nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.arrivals import ReceivedArrivals
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.process import relax_collector
from outbound_sms.store.pool import Pool, open_pool
from tests.bench import bare_smpp
from tests.bench.database import bench_server, empty
from tests.bench.result import Result, alternate, result
from tests.carriers.smpp.npm_smsc import MODULES, SCRIPT
from tests.dispatch.queue_factory import fill_queue
from tests.waiting import wait_until

MESSAGES = 20_000
ROUNDS = 3
WINDOW = 100
TEXT = "Northwind Fiber: we are working on an outage in your area. Reply STOP to unsubscribe."


async def run() -> list[Result]:
    """Messages a second from ready to Delivered, and round trips a second of the bare client."""
    relax_collector()
    async with bench_server() as server, _smsc() as port:
        dsn = server.dsn()

        async def ours() -> float:
            return await _dispatch(dsn, port)

        async def bare() -> float:
            return await bare_smpp.rate(port, MESSAGES, WINDOW, TEXT)

        rates, bare_rates = await alternate(ROUNDS, ours, bare)
    return [result("dispatch_smpp", rates, "bare asyncio client", bare_rates, MESSAGES)]


@asynccontextmanager
async def _smsc() -> AsyncIterator[int]:
    if not MODULES.exists():
        raise RuntimeError("npm's smpp is not installed: run `make bench` with npm installed")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        str(MODULES),
        "--bench",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["port"]
    finally:
        process.kill()
        await process.wait()


async def _dispatch(dsn: str, port: int) -> float:
    async with await open_pool(
        dsn,
        min_size=4,
        max_size=10,
        application_name="bench",
        statement_timeout_ms=60_000,
        index_plans=True,
    ) as pool:
        await empty(pool)
        await pool.execute("TRUNCATE submitted_part, parked_receipt")
        await fill_queue(pool, MESSAGES, carrier="smsc", text=TEXT)
        await pool.execute("VACUUM ANALYZE message, dispatch, status_event, receipt")
        carrier = SmppCarrier(
            SmppConfig("smsc", "127.0.0.1", "bench", "secret", port=port, window=WINDOW)
        )
        dispatcher = Dispatcher(
            pool,
            {"smsc": carrier},
            CallbackAddress("http://localhost", b"k" * 32),
            DispatchSettings(workers=WINDOW),
        )
        receipts = ReceiptInbox(pool, dispatcher.receipts_arrived.set)
        carrier.connect(ReceivedArrivals(receipts, TextInbox(pool)))
        await wait_until(lambda: carrier.bound == 1, describe="bound")
        stop = asyncio.Event()
        started = time.perf_counter()
        running = asyncio.create_task(dispatcher.run(stop))
        await wait_until(lambda: _all_delivered(pool), 300, "all is delivered")
        elapsed = time.perf_counter() - started
        stop.set()
        await running
        await carrier.close()
    return MESSAGES / elapsed


async def _all_delivered(pool: Pool) -> bool:
    if await pool.fetchval("SELECT EXISTS (SELECT 1 FROM dispatch)"):
        return False
    return bool(await pool.fetchval("SELECT NOT EXISTS (SELECT 1 FROM message WHERE status <> 4)"))
