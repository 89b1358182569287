"""Automatic top-ups: one open at a time, within the caps, and never soon after a decline."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.billing.wanted_top_ups import open_wanted_once
from outbound_sms.domain.auto_buy import AutoBuyObstacle
from outbound_sms.store import auto_buy
from outbound_sms.store.pool import Connection, Pool, SessionRole, open_pool
from tests.billing.purchases import (
    DOLLAR,
    TWENTY,
    add_bought,
    add_top_up,
    automatic,
    cross,
    cross_in,
    lock_waits,
    set_auto_buy,
)
from tests.clock import DatabaseClock
from tests.factories import add_funds, make_isp
from tests.waiting import wait_until

HOUR = timedelta(hours=1)
# Noon of the 15th in New York, where instances of `make_isp` are.
NOON = datetime(2027, 6, 15, 16, tzinfo=UTC)
MIDNIGHT = datetime(2027, 6, 15, 4, tzinfo=UTC)
FIRST_OF_MONTH = datetime(2027, 6, 1, 4, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def instance_id(pool: Pool) -> UUID:
    """An instance with no money."""
    return (await make_isp(pool, funds=0)).instance_id


@pytest.fixture
async def clock(clock: DatabaseClock) -> DatabaseClock:
    """The time in the sessions of `clocked`: noon."""
    await clock.set(NOON)
    return clock


@pytest.fixture
async def clocked(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """A pool of the test's owner by that time."""
    opened = await open_pool(clock.dsn, min_size=1, max_size=3, application_name="tests")
    yield opened
    opened.terminate()


async def obstacle(pool: Pool, instance_id: UUID) -> AutoBuyObstacle | None:
    return (await auto_buy.get_auto_buy(pool, instance_id)).obstacle


async def test_fifty_crossings_at_once_open_one_top_up(
    pool: Pool, database_url: str, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id)
    second = await open_pool(
        database_url, min_size=1, max_size=10, application_name="t", role=SessionRole.DISPATCHER
    )
    try:
        until = await asyncio.gather(
            *(cross([pool, second][n % 2], instance_id, short=n % 3 == 0) for n in range(50))
        )
    finally:
        second.terminate()
    assert await automatic(pool, instance_id) == [1]
    assert len(set(until)) == 1
    assert until[0] is not None


async def test_two_servers_that_cross_the_threshold_at_once_buy_once(
    pool: Pool, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id)
    async with pool.acquire() as first, pool.acquire() as second:
        transaction = first.transaction()
        await transaction.start()
        assert await cross_in(first, instance_id)
        waiting = asyncio.create_task(_cross_alone(second, instance_id))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await transaction.commit()
        assert await waiting
    assert await automatic(pool, instance_id) == [1]


async def _cross_alone(connection: Connection, instance_id: UUID) -> bool:
    async with connection.transaction():
        return await cross_in(connection, instance_id) is not None


async def test_a_second_open_one_is_refused_by_the_database_itself(
    pool: Pool, instance_id: UUID
) -> None:
    await add_top_up(pool, instance_id, automatic=True)
    await add_top_up(pool, instance_id)
    with pytest.raises(asyncpg.UniqueViolationError):
        await add_top_up(pool, instance_id, automatic=True)


async def test_nothing_is_bought_that_is_not_wanted(pool: Pool, instance_id: UUID) -> None:
    assert await cross(pool, instance_id, short=True) is None
    await set_auto_buy(pool, instance_id, threshold_micros=5 * DOLLAR)
    await add_funds(pool, instance_id, 5 * DOLLAR)
    assert await cross(pool, instance_id) is None
    assert not await auto_buy.open_wanted(pool, instance_id)
    assert await cross(pool, instance_id, short=True)
    assert await automatic(pool, instance_id) == [1]


async def test_a_balance_a_micro_below_the_threshold_is_topped_up(
    pool: Pool, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id, threshold_micros=5 * DOLLAR)
    await add_funds(pool, instance_id, 5 * DOLLAR - 1)
    assert await cross(pool, instance_id)


async def test_money_that_comes_in_meanwhile_is_seen_before_anything_is_bought(
    pool: Pool, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id)
    async with pool.acquire() as payer, payer.transaction():
        await add_funds(payer, instance_id, 5 * DOLLAR)
        opening = asyncio.create_task(auto_buy.open_wanted(pool, instance_id))
        await wait_until(lambda: lock_waits(pool), describe="the other to wait")
    assert not await opening
    assert await automatic(pool, instance_id) == []


async def test_what_is_switched_off_buys_nothing(pool: Pool, instance_id: UUID) -> None:
    await set_auto_buy(pool, instance_id, enabled=False)
    assert await cross(pool, instance_id, short=True) is None
    assert await open_wanted_once(pool) == 0


@pytest.mark.parametrize(
    ("bought", "opens"),
    [
        # The cap of the day is three times the amount; the third fits exactly.
        ([(MIDNIGHT, TWENTY), (NOON, TWENTY)], True),
        ([(MIDNIGHT, TWENTY), (NOON, TWENTY + 10_000)], False),
        ([(MIDNIGHT, TWENTY), (NOON - HOUR, TWENTY), (NOON, TWENTY)], False),
        # What was bought just before midnight in New York is yesterday's.
        ([(MIDNIGHT - INSTANT, TWENTY), (NOON - HOUR, TWENTY), (NOON, TWENTY)], True),
    ],
)
async def test_the_cap_of_the_day_is_exact_and_of_the_instances_day(
    pool: Pool,
    clocked: Pool,
    instance_id: UUID,
    bought: list[tuple[datetime, int]],
    opens: bool,
) -> None:
    await set_auto_buy(pool, instance_id, daily_cap_micros=3 * TWENTY)
    for when, micros in bought:
        await add_bought(pool, instance_id, when, micros=micros)
    wanted = None if opens else AutoBuyObstacle.DAILY_CAP
    assert await obstacle(clocked, instance_id) is wanted
    assert (await cross(clocked, instance_id) is not None) is opens


@pytest.mark.parametrize(
    ("first", "opens"), [(FIRST_OF_MONTH, False), (FIRST_OF_MONTH - INSTANT, True)]
)
async def test_the_cap_of_the_month_is_exact_and_of_the_instances_month(
    pool: Pool, clocked: Pool, instance_id: UUID, first: datetime, opens: bool
) -> None:
    await set_auto_buy(
        pool, instance_id, daily_cap_micros=TWENTY, monthly_cap_micros=3 * TWENTY - 1
    )
    await add_bought(pool, instance_id, first)
    await add_bought(pool, instance_id, MIDNIGHT - INSTANT)
    assert await obstacle(clocked, instance_id) is (None if opens else AutoBuyObstacle.MONTHLY_CAP)
    assert (await cross(clocked, instance_id) is not None) is opens


async def test_a_new_day_makes_room_below_the_cap(
    pool: Pool, clocked: Pool, clock: DatabaseClock, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id, daily_cap_micros=TWENTY)
    await add_bought(pool, instance_id, NOON)
    await clock.set(MIDNIGHT + timedelta(days=1) - timedelta(minutes=1))
    assert await open_wanted_once(clocked) == 0
    await clock.set(MIDNIGHT + timedelta(days=1))
    assert await open_wanted_once(clocked) == 1
    assert await automatic(pool, instance_id) == [3, 1]


async def test_top_ups_by_hand_and_failed_ones_are_not_counted(
    pool: Pool, clocked: Pool, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id, daily_cap_micros=TWENTY, monthly_cap_micros=TWENTY)
    await add_top_up(pool, instance_id, create_time=NOON)
    await add_bought(pool, instance_id, NOON - 2 * HOUR, state=4)
    assert await obstacle(clocked, instance_id) is None
    assert await cross(clocked, instance_id)


async def test_after_a_decline_nothing_is_bought_for_an_hour(
    pool: Pool, clocked: Pool, clock: DatabaseClock, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id)
    await add_bought(pool, instance_id, NOON, state=4)
    for moment in (NOON + timedelta(seconds=1), NOON + HOUR - timedelta(seconds=5)):
        await clock.set(moment)
        assert await cross(clocked, instance_id, short=True) is None
        assert await open_wanted_once(clocked) == 0
        assert await obstacle(clocked, instance_id) is AutoBuyObstacle.DECLINED
    await clock.set(NOON + HOUR)
    assert await obstacle(clocked, instance_id) is None
    assert await open_wanted_once(clocked) == 1


async def test_a_decline_of_last_month_counts_still(
    pool: Pool, clocked: Pool, clock: DatabaseClock, instance_id: UUID
) -> None:
    await set_auto_buy(pool, instance_id)
    await clock.set(FIRST_OF_MONTH + HOUR / 2)
    await add_bought(pool, instance_id, FIRST_OF_MONTH - HOUR / 4, state=4)
    assert await cross(clocked, instance_id) is None
    assert await obstacle(clocked, instance_id) is AutoBuyObstacle.DECLINED


async def test_new_settings_buy_at_once_after_a_decline(pool: Pool, instance_id: UUID) -> None:
    await set_auto_buy(pool, instance_id)
    await add_bought(pool, instance_id, datetime.now(UTC), state=4)
    assert await cross(pool, instance_id) is None
    async with pool.acquire() as connection, connection.transaction():
        stored = await auto_buy.lock_auto_buy(connection, instance_id)
        written = await auto_buy.write_auto_buy(connection, instance_id, stored.values)
    assert (stored.version, written.version) == (1, 2)
    assert (stored.obstacle, written.obstacle) == (AutoBuyObstacle.DECLINED, None)
    assert await automatic(pool, instance_id) == [4, 1]


async def test_an_obstacle_is_told_only_while_one_is_wanted(
    pool: Pool, clocked: Pool, instance_id: UUID
) -> None:
    assert await obstacle(clocked, instance_id) is None
    await set_auto_buy(pool, instance_id, daily_cap_micros=TWENTY, monthly_cap_micros=TWENTY)
    await add_bought(pool, instance_id, NOON)
    await add_funds(pool, instance_id, 5 * DOLLAR)
    assert await obstacle(clocked, instance_id) is None
    await pool.execute(
        "INSERT INTO unfunded (message_id, instance_id, sending_number_id, priority, zones, "
        "segments, cost_micros, valid_until) SELECT new_id(), $1, new_id(), 5, '', 1, 1, $2",
        instance_id,
        NOON + HOUR,
    )
    assert await obstacle(clocked, instance_id) is AutoBuyObstacle.MONTHLY_CAP
    await pool.execute("UPDATE unfunded SET valid_until = $1", NOON)
    assert await obstacle(clocked, instance_id) is None
    await pool.execute("DELETE FROM unfunded")


async def test_instances_buy_for_themselves_only(pool: Pool, instance_id: UUID) -> None:
    other = (await make_isp(pool, funds=0, sender="+12125550101")).instance_id
    rich = (await make_isp(pool, sender="+12125550102")).instance_id
    for each in (instance_id, other, rich):
        await set_auto_buy(pool, each)
    assert await open_wanted_once(pool) == 2
    assert [await automatic(pool, each) for each in (instance_id, other, rich)] == [[1], [1], []]
    assert await open_wanted_once(pool) == 0
