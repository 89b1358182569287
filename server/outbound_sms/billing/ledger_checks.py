"""Checks the ledger again and again while the service runs, and tells Prometheus what it found."""

import asyncio
import random
import time

import structlog

from outbound_sms import metrics
from outbound_sms.store.ledger_check import INVARIANTS, Violation, check_ledger_in_turn
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

log = structlog.get_logger(__name__)

EVERY = 60.0
"""Seconds between two checks, at least."""

SHARE = 20.0
"""How many times as long as a check took nobody checks: 5 % of the time of one connection."""

SHOWN = 5
ACQUIRE_TIMEOUT = 5.0


async def run_ledger_checks(pool: Pool, stop: asyncio.Event, every: float = EVERY) -> None:
    """Checks every `every` seconds, or less often where a check takes long, until `stop` is set.

    While another process is at it, this one skips its turn. A stop ends a check under way: it only
    reads. Failures of the database are logged; the next turn makes up for them.
    """
    pause = random.uniform(0, every)
    while not await _stopped_within(pause, stop):
        began = time.monotonic()
        try:
            await _check_unless_stopped(pool, stop)
        except DATABASE_FAILURES as error:
            log.warning("database failed", action="ledger_check", error=type(error).__name__)
        pause = pause_after(time.monotonic() - began, every)


def pause_after(took: float, every: float = EVERY) -> float:
    """Seconds to wait after a check that took `took`."""
    return max(every, SHARE * took)


async def _stopped_within(seconds: float, stop: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


async def _check_unless_stopped(pool: Pool, stop: asyncio.Event) -> None:
    check = asyncio.create_task(check_once(pool), name="ledger check")
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({check, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if check.done():
            check.result()
    finally:
        stopped.cancel()
        check.cancel()
        await asyncio.gather(check, stopped, return_exceptions=True)


async def check_once(pool: Pool) -> bool:
    """Checks, unless another process is at it; whether it did."""
    began = time.monotonic()
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
        violations = await check_ledger_in_turn(connection)
    if violations is None:
        return False
    metrics.LEDGER_CHECK_SECONDS.set(time.monotonic() - began)
    metrics.LEDGER_CHECK_TIME.set_to_current_time()
    for invariant in INVARIANTS:
        count = sum(each.invariant == invariant for each in violations)
        metrics.LEDGER_VIOLATIONS.labels(invariant).set(count)
    if violations:
        _say(violations)
    return True


def _say(violations: list[Violation]) -> None:
    log.error(
        "ledger broken",
        action="ledger_check",
        invariants=sorted({each.invariant for each in violations}),
        first=[
            {
                "invariant": each.invariant,
                "instance_id": str(each.instance_id),
                "id": str(each.subject_id),
                "text": each.text,
            }
            for each in violations[:SHOWN]
        ],
        hint="outbound-sms admin check-ledger shows all",
    )
