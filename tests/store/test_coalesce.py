"""Reads that go to the database together, and still answer each caller as if alone."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from outbound_sms.store.coalesce import Coalescer

Reader = Coalescer[str, int, str]


class Shelf:
    """Each group has a value for its even numbers. Reads wait until they are let through."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, list[int]]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def load(self, group: str, keys: Sequence[int]) -> dict[int, str]:
        self.reads.append((group, list(keys)))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return {key: f"{group} {key}" for key in keys if key % 2 == 0}


async def begin(reader: Reader, *keys: int, group: str = "A") -> list["asyncio.Task[str | None]"]:
    tasks = [asyncio.create_task(reader.get(group, key)) for key in keys]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_a_single_read_goes_at_once_and_later_ones_together() -> None:
    shelf = Shelf()
    reader = Reader(shelf.load)
    first = await begin(reader, 2)
    later = await begin(reader, 4, 5, 6)
    assert shelf.reads == [("A", [2])]
    shelf.open.set()
    assert await asyncio.gather(*first, *later) == ["A 2", "A 4", None, "A 6"]
    assert shelf.reads == [("A", [2]), ("A", [4, 5, 6])]


async def test_a_read_takes_no_more_keys_than_its_bound() -> None:
    shelf = Shelf()
    shelf.open.set()
    reader = Reader(shelf.load, most=3)
    await asyncio.gather(*(reader.get("A", key) for key in range(10)))
    assert [len(keys) for _, keys in shelf.reads] == [3, 3, 3, 1]


async def test_the_same_key_is_read_once_for_callers_at_the_same_time() -> None:
    shelf = Shelf()
    reader = Reader(shelf.load)
    tasks = await begin(reader, 2, 8, 8, 8)
    shelf.open.set()
    assert await asyncio.gather(*tasks) == ["A 2", *["A 8"] * 3]
    assert sorted(key for _, keys in shelf.reads for key in keys) == [2, 8]


async def test_a_key_asked_for_again_while_it_is_read_is_read_anew() -> None:
    """The first read may have looked before a change that the second caller made."""
    shelf = Shelf()
    reader = Reader(shelf.load)
    tasks = await begin(reader, 2) + await begin(reader, 2)
    shelf.open.set()
    await asyncio.gather(*tasks)
    assert shelf.reads == [("A", [2]), ("A", [2])]


async def test_keys_of_two_groups_are_never_read_together_and_neither_waits() -> None:
    shelf = Shelf()
    reader = Reader(shelf.load)
    tasks = [*await begin(reader, 2), *await begin(reader, 2, 4, group="B")]
    tasks += [*await begin(reader, 6), *await begin(reader, 6, group="B")]
    assert shelf.reads == [("A", [2]), ("B", [2, 4])]
    shelf.open.set()
    assert await asyncio.gather(*tasks) == ["A 2", "B 2", "B 4", "A 6", "B 6"]
    assert sorted(shelf.reads[2:]) == [("A", [6]), ("B", [6])]


async def test_what_a_load_says_of_its_tenant_holds_for_its_own_task_only() -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    seen: list[tuple[str, str]] = []

    async def load(group: str, keys: Sequence[int]) -> dict[int, str]:
        tenant.set(group)
        await asyncio.sleep(0)
        seen.append((group, tenant.get()))
        return {}

    reader = Reader(load)
    await asyncio.gather(*(reader.get(group, key) for group in "ABC" for key in range(100)))
    assert len(seen) >= 6
    assert all(group == said for group, said in seen)
    assert tenant.get() == "nobody"


async def test_nothing_is_kept_of_a_group_that_has_been_answered() -> None:
    shelf = Shelf()
    shelf.open.set()
    reader = Reader(shelf.load)
    await asyncio.gather(*(reader.get(str(n), n) for n in range(20)))
    await asyncio.sleep(0)
    assert not reader._waiting
    assert not reader._running


async def test_a_failure_reaches_everybody_who_waits_and_the_next_read_is_fresh() -> None:
    shelf = Shelf()
    shelf.error = OSError("gone")
    shelf.open.set()
    reader = Reader(shelf.load)
    told = await asyncio.gather(*(reader.get("A", key) for key in (2, 4)), return_exceptions=True)
    assert [type(each) for each in told] == [OSError, OSError]
    shelf.error = None
    assert await reader.get("A", 2) == "A 2"


async def test_a_read_that_is_stopped_leaves_nobody_waiting() -> None:
    shelf = Shelf()
    reader = Reader(shelf.load, most=1)
    tasks = await begin(reader, 2) + await begin(reader, 4, 6)
    [running] = reader._running
    running.cancel()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in told] == [ConnectionError] * 3
    shelf.open.set()
    assert await reader.get("A", 8) == "A 8"


async def test_a_caller_that_gives_up_does_not_take_the_others_answer() -> None:
    shelf = Shelf()
    reader = Reader(shelf.load)
    impatient, patient = await begin(reader, 2, 2)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    shelf.open.set()
    assert await patient == "A 2"
