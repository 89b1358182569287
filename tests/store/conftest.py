"""What several tests of the store begin with."""

from collections.abc import AsyncIterator

import pytest

from outbound_sms.store.pool import Pool, SessionRole, open_pool
from tests.factories import Isp, make_isp
from tests.store.reply_texts import FIRST, SECOND


@pytest.fixture
async def system(database_url: str) -> AsyncIterator[Pool]:
    """What webhooks have: sessions with the rights of the dispatcher, and no more."""
    opened = await open_pool(
        database_url,
        min_size=1,
        max_size=4,
        application_name="system",
        role=SessionRole.DISPATCHER,
    )
    yield opened
    opened.terminate()


@pytest.fixture
async def isps(pool: Pool) -> tuple[Isp, Isp]:
    """Two instances that can send."""
    return await make_isp(pool, sender=FIRST), await make_isp(pool, sender=SECOND)
