"""How soon a client hears of a change after its commit, and how fast one catches up."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import grpc

from outbound_sms.domain.instance import InstanceValues
from outbound_sms.store import feed
from outbound_sms.store.instances import create_instance_with_key
from outbound_sms.store.pool import Pool, open_pool
from outboundsms.v1 import delivery_pb2 as pb
from tests.bench.database import bench_server
from tests.bench.result import Result, result
from tests.bench.rpc_process import running
from tests.feed.writer import add_messages, change
from tests.waiting import wait_until

SECONDS = 8.0
PER_SECOND = 1_000
PER_COMMIT = 10
HISTORY = 200_000
ROUNDS = 3
WATCH = "/outboundsms.v1.Delivery/WatchMessages"


async def run() -> list[Result]:
    """Latency at 1,000 events a second, then the rate of a client that starts at the oldest event.

    The latency is from when the writer's commit returned to when the client has the event in hand:
    tick, feed row, notification, read, and gRPC. Its baseline is the rate that was offered; that of
    the second line is asyncpg reading the same rows of the feed.
    """
    async with bench_server() as database:
        pool = await open_pool(
            database.dsn(),
            min_size=1,
            max_size=4,
            application_name="bench",
            statement_timeout_ms=60_000,
        )
        async with pool:
            async with pool.acquire() as connection:
                instance, key = await create_instance_with_key(
                    connection,
                    InstanceValues(
                        name="Bench", country="US", currency="USD", time_zone="America/New_York"
                    ),
                )
            async with (
                running("serve", database.dsn()) as address,
                grpc.aio.insecure_channel(address) as channel,
            ):
                watch: Any = channel.unary_stream(
                    WATCH, response_deserializer=pb.WatchMessagesResponse.FromString
                )
                metadata = (("authorization", f"Bearer {key}"),)
                latency = await _latency(pool, instance.id, watch, metadata)
                return [latency, await _catch_up(pool, instance.id, watch, metadata)]


async def _latency(pool: Pool, instance_id: UUID, watch: Any, metadata: Any) -> Result:
    call = watch(pb.WatchMessagesRequest().SerializeToString(), metadata=metadata)
    answers = aiter(call)
    await anext(answers)
    heard: dict[tuple[str, int], float] = {}

    async def listen() -> None:
        async for answer in answers:
            now = time.perf_counter()
            for event in answer.events:
                heard[event.message_id, event.version] = now

    listening = asyncio.create_task(listen())
    committed = await _write(pool, instance_id)
    await wait_until(lambda: len(heard) >= len(committed), timeout=20)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    call.cancel()
    lags = sorted(heard[event] - moment for event, moment in committed.items())
    spent = max(heard.values()) - min(committed.values())
    line = result(
        "watch_latency", [len(lags) / spent], "events offered", [float(PER_SECOND)], len(lags)
    )
    line["p50_ms"] = round(lags[len(lags) // 2] * 1000, 1)
    line["p99_ms"] = round(lags[int(len(lags) * 0.99)] * 1000, 1)
    return line


async def _write(pool: Pool, instance_id: UUID) -> dict[tuple[str, int], float]:
    """Changes at a steady pace, ten to a commit; when each was committed."""
    committed: dict[tuple[str, int], float] = {}
    async with pool.acquire() as connection:
        began = time.perf_counter()
        for commit in range(int(SECONDS * PER_SECOND / PER_COMMIT)):
            due = began + commit * PER_COMMIT / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            messages = await add_messages(connection, instance_id, None, PER_COMMIT)
            now = time.perf_counter()
            committed.update(((str(message), 1), now) for message in messages)
    return committed


async def _catch_up(pool: Pool, instance_id: UUID, watch: Any, metadata: Any) -> Result:
    messages = await _fill(pool, instance_id)
    rates, read_rates = [], []
    for _ in range(ROUNDS):
        rates.append(await _watch_all(watch, metadata))
        read_rates.append(await _read_all(pool, instance_id))
    return result("watch_catch_up", rates, "asyncpg reading the feed", read_rates, messages)


async def _fill(pool: Pool, instance_id: UUID) -> int:
    for _ in range(HISTORY // 20_000):
        batch: Sequence[UUID] = await add_messages(pool, instance_id, None, 10_000)
        await change(pool, batch, 2)
    fed = "SELECT coalesce(sum(cardinality(seqs)), 0) FROM feed HAVING count(*) >= $1"
    return await wait_until(lambda: pool.fetchval(fed, HISTORY // 100), timeout=60)


async def _watch_all(watch: Any, metadata: Any) -> float:
    request = pb.WatchMessagesRequest(start=pb.WATCH_START_OLDEST)
    call = watch(request.SerializeToString(), metadata=metadata)
    began, events = time.perf_counter(), 0
    async for answer in call:
        if not answer.events:
            break
        events += len(answer.events)
    call.cancel()
    return events / (time.perf_counter() - began)


async def _read_all(pool: Pool, instance_id: UUID) -> float:
    began, events, pos = time.perf_counter(), 0, 0
    while True:
        page = await feed.read_instance(pool, instance_id, pos, 100)
        if not page.rows:
            return events / (time.perf_counter() - began)
        events += sum(len(row.events or ()) for row in page.rows)
        pos = page.rows[-1].pos
