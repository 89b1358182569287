"""Connections by the time that a test sets."""

from collections.abc import AsyncIterator

import pytest

from outbound_sms.store.pool import Pool, SessionRole, open_pool
from tests.clock import DatabaseClock


@pytest.fixture
async def clocked(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """Connections of the dispatcher's role by the time of `clock`."""
    opened = await open_pool(
        clock.dsn, min_size=1, max_size=5, application_name="tests", role=SessionRole.DISPATCHER
    )
    yield opened
    opened.terminate()
