"""Status callbacks at a steady pace: how soon each is answered, and when all have been applied."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from uuid import UUID

from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool, open_pool
from outbound_sms.store.signing_keys import signing_key
from tests.bench.database import bench_server
from tests.bench.fires import percentile
from tests.bench.result import Result, result
from tests.bench.webhook_calls import Connection, connections, encode_call
from tests.bench.webhook_process import CARRIER, TOKEN, product
from tests.dispatch.queue_factory import fill_queue
from tests.feed.writer import change
from tests.waiting import wait_until

PER_SECOND = 2_000
SECONDS = 10
CONNECTIONS = 200
SENDER = "+12025550199"


async def run() -> list[Result]:
    """Receipts applied a second, to a process that stores and applies them; what was offered is the
    baseline.

    Each says that another text was delivered. A callback's time is counted from when it was due, so
    that one that could not even be sent in time counts as slow. `applied_after_s` is from when the
    last was due to when the last was applied.
    """
    async with bench_server() as database:
        pool = await open_pool(
            database.dsn(),
            min_size=1,
            max_size=2,
            application_name="bench",
            statement_timeout_ms=60_000,
        )
        async with pool:
            messages = await _fill(pool, PER_SECOND * SECONDS)
            async with product(database.dsn(), "webhooks,dispatcher") as url:
                calls = await _encode(pool, url, messages)
                async with connections(url, CONNECTIONS) as opened:
                    began = time.perf_counter() + 0.1
                    latencies = await _offer(opened, calls, began)
                await wait_until(lambda: _all_applied(pool), 60, "all is applied")
                spent = time.perf_counter() - began
            delivered = await pool.fetchval("SELECT count(*) FROM message WHERE status = 4")
            assert delivered == len(messages)
    line = result(
        "receipts", [len(calls) / spent], "receipts offered", [float(PER_SECOND)], len(calls)
    )
    return [
        {
            **line,
            "p50_ms": percentile(latencies, 0.5),
            "p99_ms": percentile(latencies, 0.99),
            "applied_after_s": round(spent - (len(calls) - 1) / PER_SECOND, 2),
        }
    ]


async def _fill(pool: Pool, count: int) -> Sequence[UUID]:
    """Texts that a carrier has accepted."""
    queued = await fill_queue(pool, count, carrier=CARRIER, sender=SENDER)
    await pool.execute("TRUNCATE dispatch")
    for status in (2, 3):
        await change(pool, queued.message_ids, status)
    await pool.execute("VACUUM ANALYZE")
    return queued.message_ids


async def _encode(pool: Pool, url: str, messages: Sequence[UUID]) -> list[bytes]:
    addresses = CallbackAddress(url, await signing_key(pool, "callback_address"))
    calls = []
    for number, message in enumerate(messages):
        form = {
            "AccountSid": "AC" + "0" * 32,
            "ApiVersion": "2010-04-01",
            "From": SENDER,
            "MessageSid": f"SM{number:032}",
            "MessageStatus": "delivered",
            "SmsSid": f"SM{number:032}",
            "SmsStatus": "delivered",
            "To": "+12125550101",
        }
        calls.append(encode_call(addresses.url(CARRIER, message, 1), form, TOKEN))
    return calls


async def _offer(opened: Sequence[Connection], calls: Sequence[bytes], began: float) -> list[float]:
    """Seconds from when each call was due to its answer."""
    latencies: list[float] = []
    numbers = itertools.count()

    async def work(connection: Connection) -> None:
        while (number := next(numbers)) < len(calls):
            due = began + number / PER_SECOND
            await asyncio.sleep(due - time.perf_counter())
            assert await connection.call(calls[number]) == 204
            latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(work(connection) for connection in opened))
    return latencies


async def _all_applied(pool: Pool) -> bool:
    """A receipt leaves the inbox when it is applied."""
    return not await pool.fetchval("SELECT EXISTS (SELECT 1 FROM receipt)")
