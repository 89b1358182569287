"""FireTrigger from 64 callers, against a bare gRPC service that inserts a row for each call."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import grpc

from outbound_sms.store.pool import open_pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.bench.database import bench_server
from tests.bench.fires import forget_texts, make_event, make_payers, percentile
from tests.bench.result import Result, alternate, result
from tests.bench.rpc_process import INSERT, INSERT_TABLE, running

CALLERS = 64
SECONDS = 3.0
ROUNDS = 3
FIRE = "/outboundsms.v1.Triggers/FireTrigger"

Call = Callable[[bytes], Awaitable[bytes]]


async def run() -> list[Result]:
    """Calls a second of both, from one process over one connection, with the same requests.

    The bare service commits each row by itself on a pool of the same size; ours writes five rows
    for each event, and shares commits.
    """
    async with bench_server() as database:
        pool = await open_pool(database.dsn(), min_size=1, max_size=4, application_name="bench")
        async with pool:
            payers = await make_payers(pool)
            await pool.execute(INSERT_TABLE)
            async with (
                running("serve", database.dsn()) as product,
                running("insert", database.dsn()) as bare,
                grpc.aio.insecure_channel(product) as to_product,
                grpc.aio.insecure_channel(bare) as to_bare,
            ):
                fire: Any = to_product.unary_unary(FIRE)
                insert: Any = to_bare.unary_unary(INSERT)
                ours, theirs = _Callers(), _Callers()

                async def measure_ours() -> float:
                    await forget_texts(pool)
                    return await ours.rate(lambda event: fire(event, metadata=payers.metadata))

                async def measure_theirs() -> float:
                    return await theirs.rate(lambda event: insert(event, metadata=payers.metadata))

                rates, bare_rates = await alternate(ROUNDS, measure_ours, measure_theirs)
                made = await pool.fetchval("SELECT count(*) FROM message")
            # The texts of the last round, those before it were measured included.
            assert made >= rates[-1] * SECONDS
    line = result(
        "fire_unary", rates, "bare one-row INSERT for each call", bare_rates, len(ours.seconds)
    )
    return [
        {
            **line,
            "p50_ms": percentile(ours.seconds, 0.5),
            "p99_ms": percentile(ours.seconds, 0.99),
            "baseline_p50_ms": percentile(theirs.seconds, 0.5),
            "baseline_p99_ms": percentile(theirs.seconds, 0.99),
        }
    ]


class _Callers:
    """Callers that each wait for an answer before they call again; `seconds` are of all calls."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def rate(self, call: Call) -> float:
        """Calls a second, after a moment to warm up."""
        await self._call_for(0.5, call)
        self.seconds.clear()
        await self._call_for(SECONDS, call)
        return len(self.seconds) / SECONDS

    async def _call_for(self, seconds: float, call: Call) -> None:
        run, numbers = str(uuid4()), itertools.count()
        ends = time.perf_counter() + seconds

        async def work() -> None:
            while (started := time.perf_counter()) < ends:
                event = make_event(next(numbers), run)
                request = pb.FireTriggerRequest(event=event).SerializeToString()
                await call(request)
                self.seconds.append(time.perf_counter() - started)

        await asyncio.gather(*(work() for _ in range(CALLERS)))
