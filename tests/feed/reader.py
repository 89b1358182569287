"""Reads streams for tests, and records what they say."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from outbound_sms.feed.feed import Feed
from outbound_sms.feed.stream import WatchRequest
from tests.feed.validators import Recording


async def read_until(
    feed: Feed, request: WatchRequest, recording: Recording, enough: Callable[[Recording], bool]
) -> None:
    """Reads one stream until the recording is enough, then hangs up."""
    async with aclosing(feed.watcher.watch(request)) as batches:
        async for batch in batches:
            recording.batches.append(batch)
            if enough(recording):
                return


async def read_all(feed: Feed, request: WatchRequest, events: int, start: int = 0) -> Recording:
    """Reads until so many events have come. Raises TimeoutError when they do not."""
    recording = Recording(request.instance_id, start, request.mass_message_id)
    async with asyncio.timeout(20):
        await read_until(feed, request, recording, lambda r: len(r.events) >= events)
    return recording


@asynccontextmanager
async def reading(
    feed: Feed, request: WatchRequest, start: int = 0, pause: float = 0.0
) -> AsyncIterator[Recording]:
    """A reader runs in the background while the block does; `pause` in seconds makes it slow."""
    recording = Recording(request.instance_id, start, request.mass_message_id)

    async def read() -> None:
        async with aclosing(feed.watcher.watch(request)) as batches:
            async for batch in batches:
                recording.batches.append(batch)
                await asyncio.sleep(pause * random.random())

    reader = asyncio.create_task(read())
    try:
        yield recording
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
