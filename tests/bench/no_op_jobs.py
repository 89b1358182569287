"""pgqueuer's own figure: jobs that do nothing, drained by several workers in one process."""

import asyncio
import time

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

# Of 5 x 10, 5 x 100, 2 x 500 and 1 x 500 the fastest here.
WORKERS, BATCH = 5, 100


async def rate(dsn: str, jobs: int) -> float:
    """Jobs a second, from enqueued to gone from the queue."""
    connections = [await asyncpg.connect(dsn) for _ in range(WORKERS)]
    try:
        await _enqueue(connections[0], jobs)
        queuers = [PgQueuer(AsyncpgDriver(connection)) for connection in connections]
        for queuer in queuers:

            @queuer.entrypoint("nothing")
            async def nothing(job: Job) -> None:
                """Does nothing."""

        started = time.perf_counter()
        await asyncio.gather(
            *(queuer.run(mode=QueueExecutionMode.drain, batch_size=BATCH) for queuer in queuers)
        )
        elapsed = time.perf_counter() - started
    finally:
        for connection in connections:
            await connection.close()
    return jobs / elapsed


async def _enqueue(connection: "asyncpg.Connection[asyncpg.Record]", jobs: int) -> None:
    queries = Queries(AsyncpgDriver(connection))
    if await queries.has_table("pgqueuer"):
        await queries.uninstall()
    await queries.install()
    for start in range(0, jobs, 10_000):
        size = min(10_000, jobs - start)
        await queries.enqueue(["nothing"] * size, [None] * size, [0] * size)
    await connection.execute("VACUUM ANALYZE pgqueuer")
