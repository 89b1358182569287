"""Connections by the time that a test sets."""

from collections.abc import AsyncIterator

import pytest

from outbound_sms.store.pool import Pool, SessionRole, open_pool
from tests.clock import DatabaseClock, database_clock


@pytest.fixture
async def clock(database_url: str) -> AsyncIterator[DatabaseClock]:
    """The time in the sessions of `clocked`."""
    async with database_clock(database_url) as made:
        yield made


@pytest.fixture
async def clocked(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """Connections of the dispatcher's role by the time of `clock`."""
    opened = await open_pool(
        clock.dsn, min_size=1, max_size=5, application_name="tests", role=SessionRole.DISPATCHER
    )
    yield opened
    opened.terminate()
