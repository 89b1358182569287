"""Limits against fraud at the claim: of a minute, a day and its money."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, OpenGroup
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.limits import (
    alerts,
    counted,
    limits_row,
    make_reply,
    set_limits,
    untouched,
)
from tests.dispatch.money import balance, with_status
from tests.dispatch.queue_factory import PRICE, add_triggered, fill_queue

NOON = datetime(2026, 7, 1, 16, 0, 10, tzinfo=UTC)
"""In New York, where the instances of these tests are."""


async def test_a_minute_takes_as_many_as_its_limit_and_the_next_one_the_rest(
    clocked: Pool, clock: DatabaseClock
) -> None:
    await clock.set(NOON)
    queued = await fill_queue(clocked, 8)
    await set_limits(clocked, queued.instance_id, per_minute=5)
    claimed = await claim(clocked, queued.sending_number_id)
    assert [m.message_id for m in claimed] == queued.message_ids[:5]
    assert await untouched(clocked) == 3
    assert await store.ready_groups(clocked) == [], "nobody looks at them meanwhile"
    groups = [OpenGroup(queued.sending_number_id, 5, "", None)]
    looked_before = await store.claim(clocked, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert looked_before == []
    assert await with_status(clocked, MessageStatus.PENDING) == queued.message_ids
    await clock.set(NOON.replace(second=59))
    assert await claim(clocked, queued.sending_number_id) == []
    await clock.set(NOON + timedelta(minutes=1))
    assert len(await claim(clocked, queued.sending_number_id)) == 3
    assert await counted(clocked, queued.instance_id) == (3, 8, 8 * PRICE, 0)


@pytest.mark.parametrize(
    ("limit", "most"),
    [({"per_day": 6}, 6), ({"spend_per_day": 6 * PRICE + 1}, 6), ({"spend_per_day": 1}, 0)],
)
async def test_a_day_is_that_of_the_time_zone_of_the_instance(
    clocked: Pool, clock: DatabaseClock, limit: dict[str, int], most: int
) -> None:
    """Its midnight is 4:00 UTC in July."""
    await clock.set(NOON)
    queued = await fill_queue(clocked, 2 * most + 1)
    # The texts of these tests are valid for four hours.
    await clocked.execute("UPDATE dispatch SET valid_until = valid_until + interval '2 days'")
    await set_limits(clocked, queued.instance_id, **limit)
    assert len(await claim(clocked, queued.sending_number_id)) == most
    await clock.set(datetime(2026, 7, 2, 3, 59, 59, tzinfo=UTC))
    assert await store.ready_groups(clocked) == []
    assert await claim(clocked, queued.sending_number_id) == []
    assert await with_status(clocked, MessageStatus.INSUFFICIENT_FUNDS) == []
    await clock.set(datetime(2026, 7, 2, 4, 0, 0, tzinfo=UTC))
    assert len(await claim(clocked, queued.sending_number_id)) == most
    assert await untouched(clocked) == 1


async def test_another_time_zone_does_not_make_another_day(
    clocked: Pool, clock: DatabaseClock
) -> None:
    """Whoever has stolen a key could change it every hour."""
    await clock.set(NOON)
    queued = await fill_queue(clocked, 30)
    await clocked.execute("UPDATE dispatch SET valid_until = valid_until + interval '9 days'")
    await set_limits(clocked, queued.instance_id, per_day=3)
    taken = []
    for hour in range(72):
        zone = f"Etc/GMT{12 - hour % 24:+}" if hour % 24 != 12 else "Etc/GMT"
        await clocked.execute("UPDATE instance SET time_zone = $1", zone)
        await clock.set(NOON + timedelta(hours=hour))
        taken += [hour] * bool(await claim(clocked, queued.sending_number_id))
    # Only the first day was one that had begun already.
    days = taken[1:]
    assert all(later - earlier >= 23 for earlier, later in pairwise(days))
    assert len(days) >= 2


async def test_sixteen_claimers_take_the_limit_and_no_more(pool: Pool) -> None:
    queued = await fill_queue(pool, 600)
    await set_limits(pool, queued.instance_id, per_day=333)
    groups = [OpenGroup(queued.sending_number_id, 5, "", None)]

    async def work() -> int:
        taken, owner = 0, uuid4()
        for _ in range(8):
            taken += len(
                await store.claim(pool, groups, most_each=20, owner=owner, lease_seconds=45)
            )
        return taken

    assert sum(await asyncio.gather(*(work() for _ in range(16)))) == 333
    row = await limits_row(pool, queued.instance_id)
    assert (row["day_messages"], row["day_spent"]) == (333, 333 * PRICE)
    assert await balance(pool, queued.instance_id) == (
        await pool.fetchval("SELECT available_micros FROM balance"),
        333 * PRICE,
        0,
    )
    assert await untouched(pool) == 267


async def test_claims_of_two_numbers_at_once_share_the_limit_of_their_instance(pool: Pool) -> None:
    queued = await fill_queue(pool, 200)
    await set_limits(pool, queued.instance_id, per_day=90)
    second = await pool.fetchval(
        "INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second) "
        "VALUES ($1, '+12025550198', 'null', 1e9) RETURNING id",
        queued.instance_id,
    )
    await pool.execute(
        "INSERT INTO sending_rate (sending_number_id, tokens) VALUES ($1, 1e6)", second
    )
    await pool.execute(
        "UPDATE dispatch SET sending_number_id = $1 WHERE message_id = ANY ($2)",
        second,
        queued.message_ids[:100],
    )
    both = [OpenGroup(number, 5, "", None) for number in (queued.sending_number_id, second)]
    claims = [
        store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
        for _ in range(10)
        for groups in (both, both[:1], both[1:])
    ]
    assert sum(len(part) for part in await asyncio.gather(*claims)) == 90


async def test_what_waits_for_a_limit_is_not_taken_for_what_cannot_be_paid(pool: Pool) -> None:
    queued = await fill_queue(pool, 5, funds=3 * PRICE)
    await set_limits(pool, queued.instance_id, per_day=2)
    assert len(await claim(pool, queued.sending_number_id)) == 2
    assert await with_status(pool, MessageStatus.INSUFFICIENT_FUNDS) == []
    await set_limits(pool, queued.instance_id, per_day=4)
    assert len(await claim(pool, queued.sending_number_id)) == 1
    assert await with_status(pool, MessageStatus.INSUFFICIENT_FUNDS) == queued.message_ids[3:4]
    assert (await counted(pool, queued.instance_id))[1:3] == (3, 3 * PRICE)


async def test_answers_to_keywords_neither_count_nor_wait(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    await make_reply(pool, queued.message_ids[2])
    await set_limits(pool, queued.instance_id, per_day=1, surge_pause_time=datetime.now(UTC))
    groups = [OpenGroup(queued.sending_number_id, priority, "", None) for priority in (0, 5)]
    claimed = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert [m.message_id for m in claimed] == [queued.message_ids[2], queued.message_ids[0]]
    assert (await counted(pool, queued.instance_id))[1] == 1
    await make_reply(pool, queued.message_ids[1])
    (reply,) = await claim(pool, queued.sending_number_id)
    assert reply.message_id == queued.message_ids[1]
    assert (await counted(pool, queued.instance_id))[1] == 1


async def test_what_is_given_back_unsent_does_not_count_again(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    await set_limits(pool, queued.instance_id, per_day=2)
    groups = [OpenGroup(queued.sending_number_id, 5, "", None)]
    for _ in range(3):
        claimed = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
        assert [m.message_id for m in claimed] == queued.message_ids[:2]
        assert (await counted(pool, queued.instance_id))[1:3] == (2, 2 * PRICE)
        none = AttemptOutcome.NONE
        back = [GivenBack(m.message_id, m.fence, 0, 0, "null", none) for m in claimed]
        await store.give_back(pool, back, owner=OWNER)
    await set_limits(pool, queued.instance_id, per_day=3)
    assert len(await claim(pool, queued.sending_number_id)) == 3


async def test_a_limit_holds_its_own_instance_only(pool: Pool) -> None:
    bound = await fill_queue(pool, 3)
    free = await fill_queue(pool, 3, name="Free", sender="+12025550198")
    await set_limits(pool, bound.instance_id, per_minute=1, per_day=1, spend_per_day=PRICE)
    groups = [OpenGroup(each.sending_number_id, 5, "", None) for each in (bound, free)]
    claimed = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert {m.message_id for m in claimed} == {bound.message_ids[0], *free.message_ids}
    assert (await counted(pool, free.instance_id))[:3] == (3, 3, 3 * PRICE)
    ready = await store.ready_groups(pool)
    assert {group.instance_id for group in ready} <= {free.instance_id}


async def test_a_day_that_is_full_is_told_of_once(pool: Pool) -> None:
    queued = await fill_queue(pool, 4)
    await add_triggered(pool, queued, 1)
    await set_limits(pool, queued.instance_id, per_day=2, spend_per_day=2 * PRICE)
    for _ in range(3):
        groups = [OpenGroup(queued.sending_number_id, 5, "", None)]
        await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    assert await alerts(pool) == [(2, 2), (3, 2)]


async def test_a_clock_that_was_wrong_and_is_set_right_holds_nothing_for_long(
    clocked: Pool, clock: DatabaseClock
) -> None:
    await clock.set(NOON + timedelta(days=400))
    ahead = await fill_queue(clocked, 2)
    await set_limits(clocked, ahead.instance_id, per_minute=1, per_day=1, spend_per_day=PRICE)
    assert len(await claim(clocked, ahead.sending_number_id)) == 1
    await clock.set(NOON)
    await clocked.execute(
        "UPDATE dispatch SET due_time = $1, valid_until = $2 WHERE owner IS NULL",
        NOON - timedelta(hours=1),
        NOON + timedelta(hours=1),
    )
    await clocked.execute("UPDATE sending_rate SET refill_time = $1", NOON)
    assert len(await store.ready_groups(clocked)) == 1
    assert len(await claim(clocked, ahead.sending_number_id)) == 1
