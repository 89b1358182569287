"""Claims: each message once, at the rate of its number, in turn between instances."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from outbound_sms.store import dispatch as store
from outbound_sms.store import doubts, leases
from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.queue_factory import fill_queue, phones


async def test_eight_claimers_take_each_message_exactly_once(pool: Pool) -> None:
    queued = await fill_queue(pool, 20_000)

    async def claim_all(owner: UUID) -> list[UUID]:
        taken: list[UUID] = []
        while claimed := await claim(pool, queued.sending_number_id, 100, owner):
            taken += [message.message_id for message in claimed]
        return taken

    taken = await asyncio.gather(*(claim_all(uuid4()) for _ in range(8)))
    counts = Counter(message_id for part in taken for message_id in part)
    assert set(counts.values()) == {1}
    assert counts.keys() == set(queued.message_ids)


async def test_a_claim_takes_what_waits_longest_and_triggered_before_mass(pool: Pool) -> None:
    queued = await fill_queue(pool, 30)
    urgent, late = queued.message_ids[20], queued.message_ids[0]
    await pool.execute("UPDATE dispatch SET priority = 1 WHERE message_id = $1", urgent)
    await pool.execute(
        "UPDATE dispatch SET due_time = due_time + interval '1 hour' WHERE message_id = $1", late
    )
    claimed = [m.message_id for m in await claim(pool, queued.sending_number_id)]
    assert claimed == [urgent, *queued.message_ids[1:20], *queued.message_ids[21:]]


async def test_what_goes_first_goes_alone_if_there_is_room_for_one_only(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    last = queued.message_ids[-1]
    await pool.execute("UPDATE dispatch SET priority = 1 WHERE message_id = $1", last)
    await pool.execute("UPDATE dispatch SET due_time = now() WHERE message_id = $1", last)
    (claimed,) = await claim(pool, queued.sending_number_id, most=1)
    assert claimed.message_id == last


@pytest.mark.parametrize("due", ["'infinity'", "now() + interval '1 hour'"])
async def test_a_number_with_nothing_due_is_not_listed(pool: Pool, due: str) -> None:
    queued = await fill_queue(pool, 3)
    await pool.execute(f"UPDATE dispatch SET due_time = {due}")
    assert await store.ready_groups(pool) == []
    await pool.execute(
        "UPDATE dispatch SET due_time = now() WHERE message_id = $1", queued.message_ids[2]
    )
    assert len(await store.ready_groups(pool)) == 1
    assert len(await claim(pool, queued.sending_number_id)) == 1


async def test_a_number_hands_over_no_more_segments_than_its_rate(pool: Pool) -> None:
    queued = await fill_queue(pool, 200, rate=30, segments=3)
    first = await claim(pool, queued.sending_number_id)
    assert len(first) == 10
    assert len(await claim(pool, queued.sending_number_id)) <= 1
    await pool.execute("UPDATE sending_rate SET refill_time = refill_time - interval '0.5 seconds'")
    assert 5 <= len(await claim(pool, queued.sending_number_id)) <= 6
    await pool.execute("UPDATE sending_rate SET refill_time = refill_time - interval '1 hour'")
    assert len(await claim(pool, queued.sending_number_id)) == 10


async def test_a_message_larger_than_the_rate_still_goes_out_and_is_paid_for_in_time(
    pool: Pool,
) -> None:
    queued = await fill_queue(pool, 3, rate=0.5, segments=4)
    assert len(await claim(pool, queued.sending_number_id)) == 1
    assert await claim(pool, queued.sending_number_id) == []
    (ready,) = await store.ready_groups(pool)
    assert 6.5 < ready.wait <= 7.0


async def test_a_number_that_replied_stop_is_failed_and_not_claimed(pool: Pool) -> None:
    queued = await fill_queue(pool, 5)
    await pool.execute("INSERT INTO suppression (e164, source) VALUES ($1, 6)", phones(5)[2])
    claimed = await claim(pool, queued.sending_number_id)
    stopped = queued.message_ids[2]
    assert stopped not in {m.message_id for m in claimed} and len(claimed) == 4
    row = await pool.fetchrow("SELECT status, reject_reason FROM message WHERE id = $1", stopped)
    assert row is not None and tuple(row) == (5, "POLICY.OPTED_OUT")
    await check_history(pool)


async def test_a_stop_between_claim_and_intent_wins(pool: Pool) -> None:
    queued = await fill_queue(pool, 2)
    claimed = await claim(pool, queued.sending_number_id)
    await pool.execute("INSERT INTO suppression (e164, source) VALUES ($1, 6)", claimed[0].phone)
    intended = await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=20)
    assert intended == {claimed[1].message_id: 1}


async def test_an_intent_needs_enough_of_its_lease(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)
    claimed = await claim(pool, queued.sending_number_id)
    assert await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=46) == {}
    assert await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=40) != {}


@pytest.mark.parametrize("state", [3, 4])
async def test_a_paused_or_cancelled_mass_message_is_not_claimed(pool: Pool, state: int) -> None:
    queued = await fill_queue(pool, 5)
    await pool.execute("UPDATE mass_message SET state = $1", state)
    assert await claim(pool, queued.sending_number_id) == []


async def test_nothing_is_claimed_after_its_validity(pool: Pool) -> None:
    queued = await fill_queue(pool, 5)
    await pool.execute("UPDATE dispatch SET valid_until = now() - interval '1 second'")
    assert await claim(pool, queued.sending_number_id) == []


async def test_work_of_a_disabled_number_or_instance_is_not_listed(pool: Pool) -> None:
    first = await fill_queue(pool, 1)
    second = await fill_queue(pool, 1, name="Boreale", sender="+14165550199")
    listed = {number.instance_id for number in await store.ready_groups(pool)}
    assert listed == {first.instance_id, second.instance_id}
    await pool.execute("UPDATE instance SET sms_enabled = false WHERE id = $1", first.instance_id)
    await pool.execute(
        "UPDATE sending_number SET enabled = false WHERE id = $1", second.sending_number_id
    )
    assert await store.ready_groups(pool) == []


async def test_a_late_receipt_takes_a_message_out_of_the_queue(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)
    (claimed,) = await claim(pool, queued.sending_number_id)
    back = store.GivenBack(
        claimed.message_id, claimed.fence, 0, 0, "null", store.AttemptOutcome.NONE
    )
    await store.give_back(pool, [back], owner=OWNER)
    await pool.execute("UPDATE message SET status = 4")
    assert await claim(pool, queued.sending_number_id) == []
    assert await pool.fetchval("SELECT count(*) FROM dispatch") == 0


async def test_the_writes_of_a_worker_whose_lease_ran_out_change_nothing(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    claimed = await claim(pool, queued.sending_number_id)
    await store.intend(pool, claimed[:1], carrier="null", owner=OWNER, lease_left=1)
    await pool.execute("UPDATE dispatch SET lease_until = now() - interval '1 second'")
    assert await leases.rescue(pool, most=500, look_after=5) == (2, 1)
    before = await pool.fetch("SELECT * FROM dispatch ORDER BY message_id")
    late = [
        store.Settled(m.message_id, m.fence, 3, None, "null", store.AttemptOutcome.ACCEPTED, "SM1")
        for m in claimed
    ]
    assert await store.settle(pool, late, owner=OWNER) == set()
    assert await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=0) == {}
    held = [(m.message_id, m.fence) for m in claimed]
    assert await doubts.doubt(pool, held, owner=OWNER, look_after=1) == set()
    assert await pool.fetch("SELECT * FROM dispatch ORDER BY message_id") == before


async def test_a_fence_keeps_a_worker_from_a_message_that_it_has_claimed_again(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)
    (first,) = await claim(pool, queued.sending_number_id)
    await pool.execute("UPDATE dispatch SET lease_until = now() - interval '1 second'")
    await leases.rescue(pool, most=500, look_after=5)
    (second,) = await claim(pool, queued.sending_number_id)
    stale = store.Settled(
        first.message_id, first.fence, 3, None, "null", store.AttemptOutcome.ACCEPTED, "SM1"
    )
    assert await store.settle(pool, [stale], owner=OWNER) == set()
    assert second.fence > first.fence
