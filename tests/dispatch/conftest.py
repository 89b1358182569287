"""Connections that plan as the dispatcher's do, by the real time or by one that a test sets."""

from collections.abc import AsyncIterator

import pytest

from outbound_sms.store.pool import Pool, open_pool
from tests.clock import DatabaseClock
from tests.ledger_guard import LedgerGuard


@pytest.fixture
async def pool(database_url: str, ledger_guard: LedgerGuard) -> AsyncIterator[Pool]:
    """Connections to the test's own database, with the plans that the dispatcher uses."""
    opened = await _open(database_url)
    yield opened
    try:
        await ledger_guard.check_over(opened)
    finally:
        opened.terminate()


@pytest.fixture
async def clocked(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """The same connections as those of `pool`, but by the time of `clock`."""
    opened = await _open(clock.dsn)
    yield opened
    opened.terminate()


async def _open(url: str) -> Pool:
    return await open_pool(
        url,
        min_size=1,
        max_size=10,
        application_name="tests",
        statement_timeout_ms=30_000,
        index_plans=True,
    )
