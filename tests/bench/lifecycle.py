"""The whole life of a message without a network: claim, intent, sent, receipt, delivered, all of it
durable, paid for and in the feed; against queues that do less, and against itself without money and
with its messages spread over many instances."""

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
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.store.pool import Pool, open_pool
from outbound_sms.store.receipts import DELIVERED, StoredReceipt
from tests.bench import batched_sql, no_op_jobs
from tests.bench.database import bench_server, empty
from tests.bench.result import Result, alternate, result
from tests.dispatch.queue_factory import fill_queue, phones
from tests.waiting import wait_until

MESSAGES = 40_000
ROUNDS = 3
INSTANCES = 50
# The carrier answers at once, so a few workers keep it busy and the window may be wide.
SETTINGS = DispatchSettings(window=2_000, workers=4, claim_batch=500, intent_batch=500)


async def run() -> list[Result]:
    """All comparisons, on one server, in turn."""
    async with bench_server() as server:
        dsn = server.dsn()

        async def ours() -> float:
            return await rate(dsn, MESSAGES)

        async def unpaid() -> float:
            return await rate(dsn, MESSAGES, paid=False)

        async def spread() -> float:
            return await rate(dsn, MESSAGES, instances=INSTANCES)

        async def jobs() -> float:
            return await no_op_jobs.rate(dsn, MESSAGES)

        async def plain() -> float:
            return await batched_sql.rate(dsn, MESSAGES)

        rates, unpaid_rates, spread_rates, job_rates, plain_rates = await alternate(
            ROUNDS, ours, unpaid, spread, jobs, plain
        )
    workers = f"pgqueuer, jobs that do nothing, {no_op_jobs.WORKERS} workers"
    return [
        result("lifecycle", rates, workers, job_rates, MESSAGES),
        result("lifecycle_sql", rates, "batched SQL on one connection", plain_rates, MESSAGES),
        result("lifecycle_money", rates, "the same without money", unpaid_rates, MESSAGES),
        result("hot_instance", rates, f"{INSTANCES} instances", spread_rates, MESSAGES),
    ]


async def rate(dsn: str, messages: int, *, instances: int = 1, paid: bool = True) -> float:
    """Messages a second, from ready to be claimed to Delivered in the feed. Those that are not
    `paid` are as if they had been accepted before there was a ledger."""
    async with await open_pool(
        dsn,
        min_size=4,
        max_size=10,
        application_name="bench",
        statement_timeout_ms=60_000,
        index_plans=True,
    ) as pool:
        await empty(pool)
        for number in range(instances):
            sender = f"+1{2_025_550_100 + number}"
            # Nobody is a subscriber of fifty, whose texts of a day would then be looked through.
            recipients = phones(messages // instances, start=number * (messages // instances))
            await fill_queue(pool, 0, name=f"I{number}", sender=sender, recipients=recipients)
        if not paid:
            await pool.execute("UPDATE dispatch SET cost_micros = NULL")
        await pool.fetchval("SELECT feed_tick_once()")
        await pool.execute("VACUUM ANALYZE message, dispatch, status_event, receipt, ledger_entry")
        stop = asyncio.Event()
        dispatcher = _dispatcher(pool)
        started = time.perf_counter()
        running = [
            asyncio.create_task(dispatcher.run(stop)),
            asyncio.create_task(repeat(lambda: _tick(pool), name="tick", interval=0.02, stop=stop)),
        ]
        await wait_until(lambda: _delivered(pool, messages), 300, "all is delivered")
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


async def _delivered(pool: Pool, messages: int) -> bool:
    count = await pool.fetchval("SELECT sum(messages) FROM mass_message_count WHERE status = 4")
    return bool(count == messages)
