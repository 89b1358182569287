"""Reads what a caller gives a little ahead of need, and hands it on in batches."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Generic, TypeVar

from google.protobuf.message import Message

Item = TypeVar("Item", bound=Message)


class ReadAhead(Generic[Item]):
    """Reads `source` in a task of its own, at most `most` items ahead of what is taken.

    Waiting for an item takes none: one waiter may be given up, and the next one misses nothing.
    Make it in a running event loop, and `close` it.
    """

    def __init__(self, source: AsyncIterable[Item] | Iterable[Item], most: int) -> None:
        self._most = most
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._ended = False
        self.failure: Exception | None = None
        """What the source raised instead of an item; the items before it can still be taken."""
        self._task = asyncio.create_task(self._read(source))

    @property
    def is_over(self) -> bool:
        """Whether everything was taken and nothing more will come."""
        return self._ended and not self._items

    async def wait(self) -> None:
        """Returns when there is an item to take, or when the source has ended."""
        while not self._items and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()

    def take(self, most: int, most_bytes: int) -> list[Item]:
        """Items that are there, in order: at most so many and so large, but one in any case.

        Empty when there is none.
        """
        found: list[Item] = []
        size = 0
        while self._items and len(found) < most:
            size += self._items[0].ByteSize()
            if found and size > most_bytes:
                break
            found.append(self._items.popleft())
        self._taken.set()
        return found

    async def close(self) -> None:
        """Stops reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._ended = True
        self._arrived.set()

    async def _read(self, source: AsyncIterable[Item] | Iterable[Item]) -> None:
        try:
            async for item in _items(source):
                self._items.append(item)
                self._arrived.set()
                while len(self._items) >= self._most:
                    self._taken.clear()
                    await self._taken.wait()
        except Exception as error:
            self.failure = error
        self._ended = True
        self._arrived.set()


async def _items(source: AsyncIterable[Item] | Iterable[Item]) -> AsyncIterator[Item]:
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
        return
    for item in source:
        yield item
