"""A PostgreSQL for benchmarks: on a disk, with fsync, as it would be for real."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.migrate import migrate

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


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
