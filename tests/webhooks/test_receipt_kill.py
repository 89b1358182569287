"""T-DLR-2: processes that are killed while receipts by id come fast lose none that they have taken.

What was taken is never sent again, as no carrier would; what was not is, as every carrier does.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from outbound_sms.store.dispatch import Claimed
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import apply_receipts
from tests.dispatch.checks import check_history
from tests.dispatch.money import balance
from tests.dispatch.parts import accepted, parked, settle, submitting, waiting
from tests.dispatch.queue_factory import PRICE
from tests.e2e.processes import clean_environment
from tests.waiting import wait_until

PER_SECOND = 2_000
SECONDS = 3
KILLS = 3
LATE = 100
ROOT = Path(__file__).parents[2]


class Taker:
    """A process that takes receipts, and may be killed at any time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.taken: set[str] = set()
        self._listener = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.taken.add(line.decode().strip())

    def bring(self, ids: Sequence[str]) -> None:
        """Receipts come to it."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{each}\n" for each in ids).encode())

    async def has_taken(self, ids: Sequence[str]) -> None:
        """Returns when it has."""
        await wait_until(lambda: self.taken == set(ids), 10, "all are taken")

    async def kill(self) -> set[str]:
        """Kills it as a crash would. Returns what it had taken until then."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._listener
        return self.taken


@asynccontextmanager
async def taker(database_url: str, *, applies: bool) -> AsyncIterator[Taker]:
    """Such a process, killed at the end."""
    path = os.pathsep.join(str(ROOT / part) for part in ("server", "clients/python", "."))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.webhooks.arrivals_process", database_url),
        *(["apply"] if applies else []),
        cwd=ROOT,
        env=clean_environment({"PYTHONPATH": path}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    made = Taker(process)
    try:
        yield made
    finally:
        await made.kill()


async def handed_over(pool: Pool, receipts: int) -> tuple[UUID, list[Claimed], list[list[str]]]:
    """Texts that are being handed over, and the ids of their parts: every fifth has three."""
    queued, messages = await submitting(pool, receipts * 5 // 7)
    parts = [
        [f"{n}-{part}" for part in range(3 if n % 5 == 0 else 1)] for n in range(len(messages))
    ]
    return queued.instance_id, messages, parts


async def all_delivered(pool: Pool) -> bool:
    return not await pool.fetchval("SELECT EXISTS (SELECT FROM message WHERE status <> 4)")


async def no_receipt_is_left(pool: Pool) -> bool:
    """Whether the inbox is empty."""
    return not await pool.fetchval("SELECT EXISTS (SELECT FROM receipt)")


async def check_end(pool: Pool, instance_id: UUID, messages: int) -> None:
    """Every text was delivered, once, and is paid for."""
    await wait_until(lambda: all_delivered(pool), 10, "every text is delivered")
    await check_history(pool)
    assert await balance(pool, instance_id) == (0, 0, messages * PRICE)
    await wait_until(lambda: no_receipt_is_left(pool), 10, "those that say nothing new are gone")
    assert await parked(pool) == 0


@pytest.mark.slow
async def test_receipts_that_come_fast_survive_kills(pool: Pool, database_url: str) -> None:
    instance_id, messages, parts = await handed_over(pool, PER_SECOND * SECONDS)
    answers = [accepted(m, *ids) for m, ids in zip(messages, parts, strict=True)]
    await settle(pool, *answers[LATE:])
    left = [each for ids in parts for each in ids]
    taken: list[str] = []
    for life in range(KILLS + 1):
        async with taker(database_url, applies=True) as process:
            if life < KILLS:
                await offer(process, left, SECONDS / KILLS)
            else:
                process.bring(left)
                await settle(pool, *answers[:LATE])
                await process.has_taken(left)
                await check_end(pool, instance_id, len(messages))
            now_taken = await process.kill()
            taken += now_taken
            left = [each for each in left if each not in now_taken]
    assert left == []
    assert len(taken) == len(set(taken)), "what was taken did not come again"


async def offer(process: Taker, ids: Sequence[str], seconds: float) -> None:
    """Brings receipts at the pace, from when the first was taken, for some seconds."""
    process.bring(ids[:1])
    await wait_until(lambda: bool(process.taken), 10, "the process takes receipts")
    began, brought = time.monotonic(), 1
    while (spent := time.monotonic() - began) < seconds:
        due = 1 + int(spent * PER_SECOND)
        process.bring(ids[brought:due])
        brought = due
        await asyncio.sleep(0.005)


async def test_receipts_that_were_taken_and_not_applied_survive_a_kill(
    pool: Pool, database_url: str
) -> None:
    """K8."""
    instance_id, messages, parts = await handed_over(pool, 350)
    await settle(pool, *(accepted(m, *ids) for m, ids in zip(messages, parts, strict=True)))
    ids = [each for some in parts for each in some]
    async with taker(database_url, applies=False) as process:
        process.bring(ids)
        await process.has_taken(ids)
        await process.kill()
    assert await pool.fetchval("SELECT count(*) FROM receipt") == len(messages)
    await apply_receipts(pool, 1_000)
    await check_end(pool, instance_id, len(messages))


@pytest.mark.parametrize("table", ["submitted_part", "message"])
async def test_a_kill_in_the_middle_of_a_batch_loses_nothing(
    pool: Pool, database_url: str, table: str
) -> None:
    """K9: killed while a batch is stored, or applied, held up by a row of its middle."""
    instance_id, messages, parts = await handed_over(pool, 350)
    await settle(pool, *(accepted(m, *ids) for m, ids in zip(messages, parts, strict=True)))
    left = [each for some in parts for each in some]
    column = "message_id" if table == "submitted_part" else "id"
    for life in range(2):
        async with taker(database_url, applies=True) as process, pool.acquire() as connection:
            process.bring(left)
            if life == 0:
                async with connection.transaction():
                    await connection.execute(
                        f"SELECT FROM {table} WHERE {column} = $1 FOR UPDATE",
                        messages[len(messages) // 2 // 5 * 5].message_id,
                    )
                    await wait_until(lambda: waiting(pool, 1), 10, "a batch is held up")
                    taken = await process.kill()
                left = [each for each in left if each not in taken]
            else:
                await process.has_taken(left)
                await check_end(pool, instance_id, len(messages))
