"""Reads by key that come at the same time go to the database together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Coalescer(Generic[Key, Value]):
    """Gathers keys that are asked for while earlier reads are under way, and reads them at once.

    A single read is not delayed. Under load the cost of a round trip, which is most of what a
    look-up by key costs, is shared. Values must be safe to share between callers.
    """

    def __init__(
        self,
        load: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]],
        *,
        most: int = 64,
        at_once: int = 1,
    ) -> None:
        """`load` returns what there is of at most `most` keys; `at_once` of them run together."""
        self._load = load
        self._most = most
        self._at_once = at_once
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: Key) -> Value | None:
        """The value of the key, or None when there is none. Raises what the load raised."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            self._waiting[key] = answer
            if len(self._running) < self._at_once:
                task = asyncio.create_task(self._run())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(answer)

    async def _run(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[: self._most]
            answers = [self._waiting.pop(key) for key in keys]
            try:
                found = await self._load(keys)
            except BaseException as error:
                for answer in answers:
                    answer.set_exception(error if isinstance(error, Exception) else _stopped())
                    # Everybody who asked may have left.
                    answer.exception()
                if not isinstance(error, Exception):
                    raise
            else:
                for key, answer in zip(keys, answers, strict=True):
                    answer.set_result(found.get(key))


def _stopped() -> ConnectionError:
    return ConnectionError("the server stopped before the database answered")
