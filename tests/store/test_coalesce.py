"""Reads that go to the database together, and still answer each caller as if alone."""

import asyncio
from collections.abc import Sequence

import pytest

from outbound_sms.store.coalesce import Coalescer


class Shelf:
    """Even numbers have a value. Each read waits until it is let through."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def load(self, keys: Sequence[int]) -> dict[int, str]:
        self.reads.append(list(keys))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return {key: f"value {key}" for key in keys if key % 2 == 0}


async def begin(reader: Coalescer[int, str], *keys: int) -> list["asyncio.Task[str | None]"]:
    tasks = [asyncio.create_task(reader.get(key)) for key in keys]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_a_single_read_goes_at_once_and_later_ones_together() -> None:
    shelf = Shelf()
    reader = Coalescer[int, str](shelf.load, at_once=1)
    first = await begin(reader, 2)
    later = await begin(reader, 4, 5, 6)
    assert shelf.reads == [[2]]
    shelf.open.set()
    assert await asyncio.gather(*first, *later) == ["value 2", "value 4", None, "value 6"]
    assert shelf.reads == [[2], [4, 5, 6]]


async def test_a_read_takes_no_more_keys_than_its_bound() -> None:
    shelf = Shelf()
    shelf.open.set()
    reader = Coalescer[int, str](shelf.load, most=3, at_once=1)
    await asyncio.gather(*(reader.get(key) for key in range(10)))
    assert [len(keys) for keys in shelf.reads] == [3, 3, 3, 1]


async def test_the_same_key_is_read_once_for_callers_at_the_same_time() -> None:
    shelf = Shelf()
    reader = Coalescer[int, str](shelf.load, at_once=1)
    tasks = await begin(reader, 2, 8, 8, 8)
    shelf.open.set()
    assert await asyncio.gather(*tasks) == ["value 2", *["value 8"] * 3]
    assert sorted(key for keys in shelf.reads for key in keys) == [2, 8]


async def test_a_key_asked_for_again_while_it_is_read_is_read_anew() -> None:
    """The first read may have looked before a change that the second caller made."""
    shelf = Shelf()
    reader = Coalescer[int, str](shelf.load, at_once=2)
    tasks = await begin(reader, 2) + await begin(reader, 2)
    assert shelf.reads == [[2], [2]]
    shelf.open.set()
    await asyncio.gather(*tasks)


async def test_a_failure_reaches_everybody_who_waits_and_the_next_read_is_fresh() -> None:
    shelf = Shelf()
    shelf.error = OSError("gone")
    shelf.open.set()
    reader = Coalescer[int, str](shelf.load)
    told = await asyncio.gather(*(reader.get(key) for key in (2, 4)), return_exceptions=True)
    assert [type(each) for each in told] == [OSError, OSError]
    shelf.error = None
    assert await reader.get(2) == "value 2"


async def test_a_caller_that_gives_up_does_not_take_the_others_answer() -> None:
    shelf = Shelf()
    reader = Coalescer[int, str](shelf.load, at_once=1)
    impatient, patient = await begin(reader, 2, 2)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    shelf.open.set()
    assert await patient == "value 2"
