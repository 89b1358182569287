"""A PostgreSQL for benchmarks: on a disk, with fsync, as it would be for real."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.migrate import migrate
from outbound_sms.store.pool import Pool

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


async def empty(pool: Pool) -> None:
    """Removes every tenant with all that it has, so that each round starts alike."""
    async with pool.acquire() as connection, connection.transaction():
        # The ledger refuses that, but for whoever owns the whole cluster and says so.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "TRUNCATE instance, message, dispatch, status_event, receipt, attempt, feed,"
            " mass_message_count, ledger_entry, unfunded, refund_due CASCADE"
        )
    await pool.execute("CHECKPOINT")


@asynccontextmanager
async def bench_server(*, migrated: bool = True) -> AsyncIterator[EmbeddedPostgres]:
    """A running server in a folder of its own, which goes away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="outbound-sms-bench-"))
    try:
        async with EmbeddedPostgres(folder, SETTINGS) as server:
            if migrated:
                await migrate(server.dsn())
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
