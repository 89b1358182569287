"""GetMessage, with its database, against a gRPC server that does nothing, in the same run."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from typing import Any
from uuid import UUID

import grpc

from outbound_sms.domain.instance import InstanceValues
from outbound_sms.store.instances import create_instance_with_key
from outbound_sms.store.pool import Pool, open_pool
from outboundsms.v1 import delivery_pb2 as pb
from tests.bench.database import bench_server
from tests.bench.result import Result, alternate, result
from tests.bench.rpc_process import ECHO, running
from tests.feed.writer import change
from tests.services.sent import make_outbox

IN_FLIGHT = 40
SECONDS = 3.0
ROUNDS = 3
MESSAGES = 2_000
GET = "/outboundsms.v1.Delivery/GetMessage"

Call = Callable[[], Awaitable[object]]


async def run() -> list[Result]:
    """Calls a second of both, with the same size of request, 40 at a time over one connection."""
    async with bench_server() as database:
        pool = await open_pool(database.dsn(), min_size=1, max_size=4, application_name="bench")
        async with pool:
            key, messages = await _fill(pool)
            async with running("serve", database.dsn()) as product, running("echo") as bare:
                return [await _compare(product, bare, key, messages)]


async def _compare(product: str, bare: str, key: str, messages: Sequence[UUID]) -> Result:
    requests = cycle(
        [pb.GetMessageRequest(message_id=str(each)).SerializeToString() for each in messages]
    )
    metadata = (("authorization", f"Bearer {key}"),)
    async with (
        grpc.aio.insecure_channel(product) as to_product,
        grpc.aio.insecure_channel(bare) as to_bare,
    ):
        get: Any = to_product.unary_unary(GET)
        echo: Any = to_bare.unary_unary(ECHO)
        answer = pb.GetMessageResponse.FromString(await get(next(requests), metadata=metadata))
        assert (len(answer.history), len(answer.attempts)) == (4, 1)
        rates, bare_rates = await alternate(
            ROUNDS,
            lambda: _rate(lambda: get(next(requests), metadata=metadata)),
            lambda: _rate(lambda: echo(next(requests), metadata=metadata)),
        )
    return result("unary", rates, "bare grpc.aio echo", bare_rates, int(max(rates) * SECONDS))


async def _rate(call: Call) -> float:
    """Calls a second, after a moment to warm up."""
    await _calls_for(0.5, call)
    return await _calls_for(SECONDS, call) / SECONDS


async def _calls_for(seconds: float, call: Call) -> int:
    ends = time.perf_counter() + seconds

    async def work() -> int:
        done = 0
        while time.perf_counter() < ends:
            await call()
            done += 1
        return done

    return sum(await asyncio.gather(*(work() for _ in range(IN_FLIGHT))))


async def _fill(pool: Pool) -> tuple[str, list[UUID]]:
    """Delivered messages of one subscriber, each with its body, four statuses and one attempt."""
    async with pool.acquire() as connection:
        instance, key = await create_instance_with_key(
            connection,
            InstanceValues(
                name="Bench", country="US", currency="USD", time_zone="America/New_York"
            ),
        )
    outbox = await make_outbox(pool, instance.id)
    for _ in range(MESSAGES):
        message = await outbox.add()
        await outbox.add_attempt(message, 1, 1, carrier_message_id="SM1")
    for status in (2, 3, 4):
        await change(pool, outbox.sent, status)
    await pool.execute("VACUUM ANALYZE")
    return key, outbox.sent
