"""The feed of one process on the test's own database."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from outbound_sms.feed.feed import Feed
from outbound_sms.store.pool import Pool

KEY = b"k" * 32


@pytest.fixture
def drain() -> asyncio.Event:
    """Set it to end the streams of `feed`."""
    return asyncio.Event()


@pytest.fixture
async def feed(pool: Pool, drain: asyncio.Event) -> AsyncIterator[Feed]:
    """A running feed: it ticks, listens and reads the end."""
    async with Feed(pool, KEY, drain) as running:
        yield running
