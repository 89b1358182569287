"""Processes killed at random, a carrier that misbehaves: nobody is texted twice, nothing is lost.

The accept log of the sandbox is the oracle. KILL_MESSAGES=6000 runs the long form.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty
from tests.dispatch.queue_factory import fill_queue, phones
from tests.e2e.fleet import Fleet, fleet_of, kill
from tests.waiting import wait_until

MESSAGES = int(os.environ.get("KILL_MESSAGES", "2000"))
WORKERS = 3
# Messages a second, so low that many kills fall into the run.
RATE = 150
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


async def keep_killing(fleet: Fleet, stop: asyncio.Event, chance: random.Random) -> int:
    """Three dispatchers; one is killed and replaced every 0.5 to 1.2 s. Returns the kills."""

    async def worker() -> int:
        kills = 0
        while not stop.is_set():
            child = fleet.server("dispatcher")
            await child.start("http")
            life = WORKERS * chance.uniform(0.5, 1.2)
            try:
                await asyncio.wait_for(stop.wait(), life)
            except TimeoutError:
                await kill(child)
                kills += 1
        return kills

    return sum(await asyncio.gather(*(worker() for _ in range(WORKERS))))


async def run_with_kills(pool: Pool, fleet: Fleet) -> int:
    """Sends MESSAGES while workers are killed; returns how many were."""
    stop = asyncio.Event()
    killing = asyncio.create_task(keep_killing(fleet, stop, random.Random(7)))
    try:
        await wait_until(lambda: queue_is_empty(pool), MESSAGES / RATE * 3 + 60, "all is settled")
    finally:
        stop.set()
        kills = await killing
    return kills


async def outcome(pool: Pool) -> dict[str, tuple[int, str | None]]:
    """Status and reason of the message to each phone."""
    rows = await pool.fetch("SELECT phone, status, reject_reason FROM message")
    return {row["phone"]: (row["status"], row["reject_reason"]) for row in rows}


async def test_a_carrier_that_can_be_asked_gets_each_message_exactly_once(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    numbers = phones(MESSAGES, start=1_000)
    await fill_queue(pool, MESSAGES, carrier="sandbox", rate=RATE, text=TEXT, recipients=numbers)
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier(*misbehaving(seed=11), lookup=True)
        kills = await run_with_kills(pool, fleet)
        accepted = fleet.accepted()
    found = await outcome(pool)
    twice = [to for (to, _), times in accepted.items() if times > 1]
    assert not twice, f"texted twice: {twice[:5]}"
    reached = {to for to, _ in accepted}
    lost = [to for to, (status, _) in found.items() if status in (3, 4) and to not in reached]
    assert not lost, f"said to be sent, never accepted: {lost[:5]}"
    wronged = [to for to, (status, _) in found.items() if status == 5 and to in reached]
    assert not wronged, f"said to have failed, though accepted: {wronged[:5]}"
    assert {status for status, _ in found.values()} <= {3, 4, 5} and len(found) == MESSAGES
    assert kills >= MESSAGES // 200
    await check_history(pool)


async def test_a_carrier_that_cannot_be_asked_gets_no_message_twice(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    numbers = phones(MESSAGES, start=1_000)
    await fill_queue(pool, MESSAGES, carrier="sandbox", rate=RATE, text=TEXT, recipients=numbers)
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier(*misbehaving(seed=12), lookup=False)
        kills = await run_with_kills(pool, fleet)
        accepted = fleet.accepted()
    found = await outcome(pool)
    twice = [to for (to, _), times in accepted.items() if times > 1]
    assert not twice, f"texted twice: {twice[:5]}"
    reached = {to for to, _ in accepted}
    lost = [to for to, (status, _) in found.items() if status in (3, 4) and to not in reached]
    assert not lost, f"said to be sent, never accepted: {lost[:5]}"
    unknown = sum(1 for status, reason in found.values() if reason == "UNCERTAIN.OUTCOME_UNKNOWN")
    # Faults after which nobody can know: dropped, answered late, or a 500, accepted or not.
    doubtful = MESSAGES * 0.13 * 1.5
    assert unknown <= kills * 160 + doubtful
    assert {status for status, _ in found.values()} <= {3, 4, 5} and len(found) == MESSAGES
    assert kills >= MESSAGES // 200
    await check_history(pool)
