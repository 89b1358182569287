"""FireTriggers on one stream, against batched INSERTs of the same rows on one connection."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc

from outbound_sms.store.pool import Pool, open_pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.bench.database import bench_server
from tests.bench.fires import Payers, forget_texts, make_event, make_payers, percentile
from tests.bench.result import Result, alternate, result
from tests.bench.rpc_process import running

EVENTS = 30_000
EVENTS_IN_A_REQUEST = 100
# As many as the Python client has.
REQUESTS_UNDER_WAY = 8
ROWS_IN_A_BATCH = 200
ROUNDS = 3
FIRE = "/outboundsms.v1.Triggers/FireTriggers"

# The same rows by who knows them already: nothing is looked up, matched, rendered or answered.
INSERTS = {
    "SELECT triggered_message_id, event_key, instance_id, message_ids[1] FROM trigger_fire": """
        INSERT INTO trigger_fire (triggered_message_id, event_key, instance_id, message_ids)
        SELECT a, b, c, ARRAY[d] FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])
          AS f (a, b, c, d)""",
    "SELECT id, instance_id, language, text, encoding, characters, billable_segments,"
    " carrier_segments FROM body": """
        INSERT INTO body (id, instance_id, language, text, encoding, characters, billable_segments,
                          carrier_segments)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[],
                             $6::smallint[], $7::smallint[], $8::smallint[])""",
    "SELECT id, instance_id, account_id, contact_id, sending_number_id, body_id, phone,"
    " billable_segments, carrier_segments, kind, cost_micros, triggered_message_id,"
    " recipient_zones, zone_source, price_list_version FROM message": """
        INSERT INTO message (id, instance_id, account_id, contact_id, sending_number_id, body_id,
                             phone, billable_segments, carrier_segments, kind, cost_micros,
                             triggered_message_id, recipient_zones, zone_source,
                             price_list_version)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[],
                             $6::uuid[], $7::text[], $8::smallint[], $9::smallint[],
                             $10::smallint[], $11::bigint[], $12::uuid[], $13::text[],
                             $14::smallint[], $15::integer[])""",
    "SELECT message_id, instance_id, sending_number_id, priority, segments, valid_until, zones,"
    " cost_micros FROM dispatch": """
        INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments,
                              valid_until, zones, cost_micros)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[],
                             $6::timestamptz[], $7::text[], $8::bigint[])""",
    "SELECT instance_id, message_id, version, status, previous_status FROM status_event": """
        INSERT INTO status_event (instance_id, message_id, version, status, previous_status)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[],
                             $5::smallint[])""",
}
"""How the rows of each table are read, and written."""


async def run() -> list[Result]:
    """Events a second of both; one recipient each. The latency is of a request of 100 events."""
    async with bench_server() as database:
        pool = await open_pool(
            database.dsn(),
            min_size=1,
            max_size=4,
            application_name="bench",
            statement_timeout_ms=60_000,
        )
        async with pool:
            payers = await make_payers(pool)
            async with (
                running("serve", database.dsn()) as address,
                grpc.aio.insecure_channel(address) as channel,
            ):
                fire: Any = channel.stream_stream(
                    FIRE,
                    request_serializer=pb.FireTriggersRequest.SerializeToString,
                    response_deserializer=pb.FireTriggersResponse.FromString,
                )
                await _fire_all(pool, fire, payers, [])
                rows = [await pool.fetch(select) for select in INSERTS]
                seconds: list[float] = []
                rates, baseline_rates = await alternate(
                    ROUNDS,
                    lambda: _fire_all(pool, fire, payers, seconds),
                    lambda: _insert_all(pool, rows),
                )
    line = result("fire_stream", rates, "batched INSERTs of the same rows", baseline_rates, EVENTS)
    return [{**line, "p50_ms": percentile(seconds, 0.5), "p99_ms": percentile(seconds, 0.99)}]


async def _fire_all(pool: Pool, fire: Any, payers: Payers, seconds: list[float]) -> float:
    await forget_texts(pool)
    stream = _Stream(str(uuid4()))
    started = time.perf_counter()
    async for response in fire(stream.requests(), metadata=payers.metadata):
        seconds.append(stream.answered())
        for answer in response.answers:
            assert answer.result.outcome == pb.FIRE_OUTCOME_FIRED, answer
    elapsed = time.perf_counter() - started
    assert await pool.fetchval("SELECT count(*) FROM message") == EVENTS
    return EVENTS / elapsed


class _Stream:
    """Keeps a few requests under way, and says how long each took."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._room = asyncio.Semaphore(REQUESTS_UNDER_WAY)
        self._sent: deque[float] = deque()

    async def requests(self) -> AsyncIterator[pb.FireTriggersRequest]:
        for first in range(0, EVENTS, EVENTS_IN_A_REQUEST):
            await self._room.acquire()
            numbers = range(first, first + EVENTS_IN_A_REQUEST)
            request = pb.FireTriggersRequest(
                events=[make_event(number, self._run) for number in numbers]
            )
            self._sent.append(time.perf_counter())
            yield request

    def answered(self) -> float:
        """Seconds that the oldest request took."""
        self._room.release()
        return time.perf_counter() - self._sent.popleft()


async def _insert_all(pool: Pool, rows: list[list[Any]]) -> float:
    await forget_texts(pool)
    async with pool.acquire() as connection:
        started = time.perf_counter()
        for first in range(0, EVENTS, ROWS_IN_A_BATCH):
            async with connection.transaction():
                for insert, of_table in zip(INSERTS.values(), rows, strict=True):
                    batch = of_table[first : first + ROWS_IN_A_BATCH]
                    await connection.execute(insert, *map(list, zip(*batch, strict=True)))
        elapsed = time.perf_counter() - started
    assert await pool.fetchval("SELECT count(*) FROM message") == EVENTS
    return EVENTS / elapsed
