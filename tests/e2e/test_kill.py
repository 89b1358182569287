"""Processes killed at random, a carrier that misbehaves, and money for nine texts of ten: nobody is
texted twice, nothing is lost, and what was not sent is not paid.

The accept log of the sandbox is the oracle. KILL_MESSAGES=6000 runs the long form.
"""

import asyncio
import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty
from tests.dispatch.money import balance
from tests.dispatch.queue_factory import PRICE, fill_queue, phones
from tests.e2e.fleet import Fleet, fleet_of, kill
from tests.waiting import wait_until

MESSAGES = int(os.environ.get("KILL_MESSAGES", "2000"))
WORKERS = 3
# Messages a second, so low that many kills fall into the run.
RATE = 150
FUNDS = MESSAGES * 9 // 10 * PRICE
FAULTS = "drop=0.03,accept-drop=0.03,accept-late=0.03,429=0.02,400=0.02,500=0.02,accept-500=0.02"
# Seconds that an answer takes, so that a kill finds calls under way.
LATENCY = "0.25"
TEXT = "Northwind: outage. Reply STOP to unsubscribe."
pytestmark = [pytest.mark.slow, pytest.mark.timeout(MESSAGES // 20 + 120)]


def misbehaving(*, seed: int) -> list[str]:
    """Options of the sandbox. Receipts come so late that they settle nothing that is in doubt."""
    return [
        *("--faults", FAULTS, "--seed", str(seed), "--late-seconds", "3"),
        *("--latency", LATENCY, "--receipt-delay", "15"),
    ]


async def keep_killing(
    fleet: Fleet, calm: asyncio.Event, stop: asyncio.Event, chance: random.Random
) -> int:
    """Three dispatchers; until it is calm one is killed and replaced every 0.5 to 1.2 s.

    Returns the kills.
    """

    async def worker() -> int:
        kills = 0
        while True:
            child = fleet.server("dispatcher")
            await child.start("http")
            try:
                await asyncio.wait_for(calm.wait(), WORKERS * chance.uniform(0.5, 1.2))
            except TimeoutError:
                await kill(child)
                kills += 1
            else:
                await stop.wait()
                return kills

    return sum(await asyncio.gather(*(worker() for _ in range(WORKERS))))


async def run_with_kills(pool: Pool, fleet: Fleet) -> int:
    """Sends MESSAGES while workers are killed; returns how many were."""
    calm, stop = asyncio.Event(), asyncio.Event()

    async def all_were_begun() -> bool:
        return not await pool.fetchval("SELECT EXISTS (SELECT 1 FROM dispatch WHERE attempts = 0)")

    killing = asyncio.create_task(keep_killing(fleet, calm, stop, random.Random(7)))
    try:
        await wait_until(all_were_begun, MESSAGES / RATE * 4 + 60, "every message was begun")
        calm.set()
        await wait_until(
            lambda: queue_is_empty(pool), 60, "all is settled a minute after the kills"
        )
    finally:
        calm.set()
        stop.set()
        kills = await killing
    return kills


@dataclass(frozen=True, slots=True)
class Ended:
    """What there was when all was settled: the kills, each message's status and reason by phone,
    and the phones that the carrier accepted a message for."""

    kills: int
    found: dict[str, tuple[int, str | None]]
    reached: set[str]

    def of_status(self, *statuses: int) -> list[str]:
        """Phones whose message has one of the statuses."""
        return [phone for phone, (status, _) in self.found.items() if status in statuses]


async def send_while_killing(
    pool: Pool, database_url: str, folder: Path, *, seed: int, lookup: bool
) -> Ended:
    """Sends everything, and checks what must hold for any carrier: nobody is texted twice, nothing
    is said to be sent that was not accepted, every message has come to an end, and the money went
    for what was sent and for nothing else."""
    numbers = phones(MESSAGES, start=1_000)
    queued = await fill_queue(
        pool, MESSAGES, carrier="sandbox", rate=RATE, text=TEXT, recipients=numbers, funds=FUNDS
    )
    async with fleet_of(database_url, folder) as fleet:
        limit = 60.0 if lookup else 5.0
        await fleet.start_carrier(*misbehaving(seed=seed), lookup=lookup, doubt_limit=limit)
        kills = await run_with_kills(pool, fleet)
        accepted = fleet.accepted()
    rows = await pool.fetch("SELECT phone, status, reject_reason FROM message")
    found = {row["phone"]: (row["status"], row["reject_reason"]) for row in rows}
    ended = Ended(kills, found, {to for to, _ in accepted})
    twice = [to for (to, _), times in accepted.items() if times > 1]
    assert not twice, f"texted twice: {twice[:5]}"
    lost = set(ended.of_status(3, 4)) - ended.reached
    assert not lost, f"said to be sent, never accepted: {sorted(lost)[:5]}"
    assert len(ended.of_status(3, 4, 5, 6)) == MESSAGES
    assert 0 < len(ended.of_status(6)) <= MESSAGES // 10
    assert not set(ended.of_status(6)) & ended.reached, "sent without money"
    # A receipt of failure comes for what had been accepted, and says that it is not charged.
    spent = len(ended.of_status(3, 4)) * PRICE
    assert await balance(pool, queued.instance_id) == (FUNDS - spent, 0, spent)
    assert kills >= MESSAGES // 200
    await check_history(pool)
    return ended


async def test_a_carrier_that_can_be_asked_gets_each_message_exactly_once(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    ended = await send_while_killing(pool, database_url, tmp_path, seed=11, lookup=True)
    wronged = set(ended.of_status(5)) & ended.reached
    assert not wronged, {phone: ended.found[phone] for phone in sorted(wronged)[:5]}


async def test_a_carrier_that_cannot_be_asked_gets_no_message_twice(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    ended = await send_while_killing(pool, database_url, tmp_path, seed=12, lookup=False)
    unknown = [r for _, r in ended.found.values() if r == "UNCERTAIN.OUTCOME_UNKNOWN"]
    # A kill puts no more in doubt than a dispatcher has under way. Nor can anybody know after some
    # faults: a dropped connection, a late answer, a 500, accepted or not.
    doubtful = MESSAGES * 0.13 * 1.5
    assert len(unknown) <= ended.kills * 160 + doubtful
