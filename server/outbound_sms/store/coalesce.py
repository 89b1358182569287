"""Reads by key that come at the same time go to the database together, each tenant's apart."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

Group = TypeVar("Group", bound=Hashable)
Key = TypeVar("Key")
Value = TypeVar("Value")


class Coalescer(Generic[Group, Key, Value]):
    """Gathers keys of a group that are asked for while its last read is under way, and reads them.

    A single read is not delayed. Under load the cost of a round trip, which is most of what a
    look-up by key costs, is shared. A group is what may be read together: the keys of one tenant,
    since a connection sees one tenant only. No group waits for another. Values must be safe to
    share between callers.
    """

    def __init__(
        self,
        load: Callable[[Group, Sequence[Key]], Awaitable[Mapping[Key, Value]]],
        *,
        most: int = 64,
    ) -> None:
        """`load` returns what there is of at most `most` keys of a group.

        It runs in a task of this object: what the caller's context holds is not the caller's own.
        """
        self._load = load
        self._most = most
        # A group is here while a task reads for it.
        self._waiting: dict[Group, dict[Key, asyncio.Future[Value | None]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, group: Group, key: Key) -> Value | None:
        """The value of the key, or None when there is none. Raises what the load raised."""
        waiting = self._waiting.get(group)
        if waiting is None:
            waiting = self._waiting[group] = {}
            task = asyncio.create_task(self._run(group, waiting))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        answer = waiting.get(key)
        if answer is None:
            answer = waiting[key] = asyncio.get_running_loop().create_future()
        # One caller that gives up must not take the answer from the others.
        return await asyncio.shield(answer)

    async def _run(self, group: Group, waiting: dict[Key, "asyncio.Future[Value | None]"]) -> None:
        try:
            while waiting:
                keys = list(waiting)[: self._most]
                await self._read(group, keys, [waiting.pop(key) for key in keys])
        finally:
            del self._waiting[group]
            for answer in waiting.values():
                _fail(answer, _stopped())

    async def _read(
        self,
        group: Group,
        keys: Sequence[Key],
        answers: Sequence["asyncio.Future[Value | None]"],
    ) -> None:
        try:
            found = await self._load(group, keys)
        except BaseException as error:
            told = error if isinstance(error, Exception) else _stopped()
            for answer in answers:
                _fail(answer, told)
            if not isinstance(error, Exception):
                raise
        else:
            for key, answer in zip(keys, answers, strict=True):
                answer.set_result(found.get(key))


def _fail(answer: "asyncio.Future[Value | None]", error: Exception) -> None:
    answer.set_exception(error)
    # Marks it as seen: everybody who asked may have left.
    answer.exception()


def _stopped() -> ConnectionError:
    return ConnectionError("the server stopped before the database answered")
