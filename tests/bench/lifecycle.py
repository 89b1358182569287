"""The whole life of a message without a network: claim, intent, sent, receipt, delivered, all of it
durable and in the feed; against queues that do less."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from outbound_sms.carriers.carrier import Receipt
from outbound_sms.carriers.null import NullCarrier
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.loops import repeat
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool, open_pool
from outbound_sms.store.receipts import DELIVERED, StoredReceipt
from outbound_sms.webhooks.inbox import ReceiptInbox
from tests.bench import batched_sql, no_op_jobs
from tests.bench.database import bench_server, empty
from tests.bench.result import Result, alternate, result
from tests.dispatch.queue_factory import fill_queue
from tests.waiting import wait_until

MESSAGES = 40_000
ROUNDS = 3
# The carrier answers at once, so a few workers keep it busy and the window may be wide.
SETTINGS = DispatchSettings(window=2_000, workers=4, claim_batch=500, intent_batch=500)


async def run() -> list[Result]:
    """Both comparisons, on one server, in turn."""
    async with bench_server() as server:
        dsn = server.dsn()

        async def ours() -> float:
            return await rate(dsn, MESSAGES)

        async def jobs() -> float:
            return await no_op_jobs.rate(dsn, MESSAGES)

        async def plain() -> float:
            return await batched_sql.rate(dsn, MESSAGES)

        rates, job_rates, plain_rates = await alternate(ROUNDS, ours, jobs, plain)
    workers = f"pgqueuer, jobs that do nothing, {no_op_jobs.WORKERS} workers"
    return [
        result("lifecycle", rates, workers, job_rates, MESSAGES),
        result("lifecycle_sql", rates, "batched SQL on one connection", plain_rates, MESSAGES),
    ]


async def rate(dsn: str, messages: int) -> float:
    """Messages a second, from ready to be claimed to Delivered in the feed."""
    async with await open_pool(
        dsn,
        min_size=4,
        max_size=10,
        application_name="bench",
        statement_timeout_ms=60_000,
        index_plans=True,
    ) as pool:
        await empty(pool)
        queued = await fill_queue(pool, messages)
        await pool.fetchval("SELECT feed_tick_once()")
        await pool.execute("VACUUM ANALYZE message, dispatch, status_event, receipt")
        stop = asyncio.Event()
        dispatcher = _dispatcher(pool)
        started = time.perf_counter()
        running = [
            asyncio.create_task(dispatcher.run(stop)),
            asyncio.create_task(repeat(lambda: _tick(pool), name="tick", interval=0.02, stop=stop)),
        ]
        await wait_until(
            lambda: _delivered(pool, queued.mass_message_id, messages), 300, "all is delivered"
        )
        elapsed = time.perf_counter() - started
        stop.set()
        await asyncio.gather(*running)
    return messages / elapsed


def _dispatcher(pool: Pool) -> Dispatcher:
    async def store(receipts: Sequence[Receipt]) -> None:
        stored = [
            inbox.put(
                StoredReceipt(
                    UUID(receipt.carrier_message_id.removeprefix("null-")),
                    1,
                    DELIVERED,
                    "null",
                    receipt.carrier_message_id,
                    None,
                    None,
                )
            )
            for receipt in receipts
        ]
        await asyncio.wait(stored)

    dispatcher = Dispatcher(
        pool, {"null": NullCarrier(store)}, CallbackAddress("http://localhost", b"k" * 32), SETTINGS
    )
    inbox = ReceiptInbox(pool, dispatcher.receipts_arrived.set)
    return dispatcher


async def _tick(pool: Pool) -> int:
    await pool.fetchval("SELECT feed_tick_once()")
    return 0


async def _delivered(pool: Pool, mass_message_id: UUID, messages: int) -> bool:
    count = await pool.fetchval(
        "SELECT messages FROM mass_message_count WHERE mass_message_id = $1 AND status = 4",
        mass_message_id,
    )
    return bool(count == messages)
