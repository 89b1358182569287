"""Connections that plan as the dispatcher's do."""

from collections.abc import AsyncIterator

import pytest

from outbound_sms.store.pool import Pool, open_pool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Connections to the test's own database, with the plans that the dispatcher uses."""
    opened = await open_pool(
        database_url,
        min_size=1,
        max_size=10,
        application_name="tests",
        statement_timeout_ms=30_000,
        index_plans=True,
    )
    yield opened
    opened.terminate()
