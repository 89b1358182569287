"""Instances share the dispatcher: large, held and released ones leave room for the rest."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from outbound_sms.domain.quiet_hours import QuietHours
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import Claimed
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue, set_quiet_hours
from tests.dispatch.running import QUICK, dispatching
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.waiting import wait_until

NIGHT = QuietHours(time(21), time(8))
# Ten at night in New York, in July, so that no clock changes.
AT_NIGHT = datetime(2027, 7, 2, 2, tzinfo=UTC)
LARGE, SMALL, EACH = 200_000, 49, 100
FAST = replace(QUICK, workers=8, intent_batch=500)


def sender(n: int) -> str:
    return f"+1{2_125_559_000 + n}"


class Claims:
    """Watches the claims of a dispatcher."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[list[Claimed]] = []
        self._claim = store.claim
        monkeypatch.setattr(store, "claim", self._watched)

    async def _watched(self, *arguments: Any, **named: Any) -> list[Claimed]:
        claimed = await self._claim(*arguments, **named)
        self.made.append(claimed)
        return claimed

    def of(self, number: str) -> list[Claimed]:
        """Messages of a sending number, in the order in which they were claimed."""
        return [message for claimed in self.made for message in claimed if message.number == number]


@pytest.mark.slow
async def test_small_instances_are_done_soon_beside_a_large_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = Claims(monkeypatch)
    await fill_queue(pool, LARGE, name="Large", sender=sender(0))
    small: list[Queued] = []
    triggered: dict[str, set[UUID]] = {}
    for n in range(1, SMALL + 1):
        queued = await fill_queue(pool, EACH, name=f"Small {n}", sender=sender(n))
        await set_quiet_hours(pool, queued.instance_id, None)
        triggered[sender(n)] = set(await add_triggered(pool, queued, EACH, zones="*"))
        small.append(queued)
    wanted = [queued.instance_id for queued in small]
    await pool.execute("VACUUM ANALYZE message, dispatch")
    carrier = ScriptedCarrier()

    async def small_are_done() -> bool:
        return not await pool.fetchval(
            "SELECT EXISTS (SELECT FROM dispatch WHERE instance_id = ANY ($1))", wanted
        )

    async with dispatching(pool, carrier, settings=FAST):
        await wait_until(small_are_done, 10, "the small instances are done")
    for number, before_mass in triggered.items():
        mine = [message.message_id for message in claims.of(number)]
        assert set(mine[:EACH]) == before_mass, "triggered before mass"
    assert 0 < len(claims.of(sender(0))) < LARGE
    check_shares(claims.made)


def check_shares(claims: Sequence[Sequence[Claimed]]) -> None:
    """While others wait, the large instance has no more than half of any claim."""
    left = Counter({sender(n): 2 * EACH for n in range(1, SMALL + 1)})
    for claimed in claims:
        shares = Counter(message.number for message in claimed)
        others_wait = sum(left.values())
        left.subtract({number: share for number, share in shares.items() if number in left})
        if others_wait >= len(claimed):
            assert shares[sender(0)] <= len(claimed) / 2, shares


@pytest.mark.slow
async def test_twenty_thousand_released_at_once_go_at_the_rate_of_their_number_and_starve_nobody(
    clocked: Pool, clock: DatabaseClock
) -> None:
    rate = 600
    await clock.set(AT_NIGHT)
    held = await fill_queue(clocked, 0, name="Held", sender=sender(0), rate=rate)
    await set_quiet_hours(clocked, held.instance_id, NIGHT)
    released = set(await add_triggered(clocked, held, 20_000))
    carrier = ScriptedCarrier()
    loop = asyncio.get_running_loop()
    times: list[float] = []
    carrier.on_submission = lambda submission: (
        times.append(loop.time()) if submission.message_id in released else None
    )
    async with dispatching(clocked, carrier, settings=FAST):
        other = await fill_queue(clocked, 500, name="Other", sender=sender(1))
        await until_sent(clocked, other)
        assert not times
        await clock.set(AT_NIGHT + timedelta(hours=10))
        start = loop.time()
        await wait_until(lambda: len(times) >= 2 * rate, 10, "the release has begun")
        other = await fill_queue(clocked, 500, name="Another", sender=sender(2))
        await until_sent(clocked, other)
        assert len(times) < 20_000 / 2
        await wait_until(lambda: len(times) >= 5 * rate, 10, "the release goes on")
    # The bucket holds a second's worth, and the last message may overdraw it.
    for n, at in enumerate(times, start=1):
        assert n <= rate * (at - start + 1) + 1
    assert times[-1] - start <= len(times) / rate + 2


async def until_sent(pool: Pool, queued: Queued) -> None:
    async def sent() -> bool:
        return not await pool.fetchval(
            "SELECT EXISTS (SELECT FROM dispatch WHERE instance_id = $1)", queued.instance_id
        )

    await wait_until(sent, 5, "the other instance is done")


async def test_instances_in_quiet_hours_take_no_turns(
    clocked: Pool, clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.set(AT_NIGHT)
    for n in range(1, 31):
        queued = await fill_queue(clocked, 0, name=f"Quiet {n}", sender=sender(n))
        await set_quiet_hours(clocked, queued.instance_id, NIGHT)
        await add_triggered(clocked, queued, 20)
    busy = await fill_queue(clocked, 1_000, name="Busy", sender=sender(31))
    claims = Claims(monkeypatch)
    async with dispatching(clocked, ScriptedCarrier()):
        await until_sent(clocked, busy)
    assert sum(len(claimed) for claimed in claims.made) == 1_000
    # One more finds that there is nothing left.
    assert sum(not claimed for claimed in claims.made) <= 2


async def test_numbers_that_give_nothing_do_not_make_the_others_wait(
    pool: Pool, database_url: str
) -> None:
    """More of them than have a turn at once, and a pause that would be noticed."""
    blocked = [
        await fill_queue(pool, 2, name=f"Blocked {n}", sender=sender(n)) for n in range(1, 20)
    ]
    free = await fill_queue(pool, 500, name="Free", sender=sender(20))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM dispatch WHERE instance_id = ANY ($1) FOR UPDATE",
            [queued.instance_id for queued in blocked],
        )
        async with dispatching(pool, ScriptedCarrier(), settings=replace(QUICK, poll=30.0)):
            await until_sent(pool, free)
