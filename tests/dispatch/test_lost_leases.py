"""A worker whose lease has gone to another changes nothing any more, whatever it still writes."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from outbound_sms.store import dispatch as store
from outbound_sms.store import leases
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack, Settled
from outbound_sms.store.doubts import doubt
from outbound_sms.store.pool import Pool
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.queue_factory import fill_queue

OTHER = UUID(int=8)
STATE = (
    "SELECT m.id, m.status, m.version, d.owner, d.fence, d.attempts, d.submitting_time "
    "FROM message m LEFT JOIN dispatch d ON d.message_id = m.id ORDER BY m.id"
)


async def claimed_twice(pool: Pool) -> tuple[list[Claimed], list[Claimed]]:
    """Messages as one worker had claimed them, and as another has them now."""
    queued = await fill_queue(pool, 3)
    before = await claim(pool, queued.sending_number_id)
    await pool.execute("UPDATE dispatch SET lease_until = now() - interval '1 s'")
    assert await leases.rescue(pool, most=10, look_after=5) == (3, 0)
    after = await claim(pool, queued.sending_number_id, owner=OTHER)
    assert {m.message_id for m in before} == {m.message_id for m in after}
    return before, after


async def intend(pool: Pool, claimed: Sequence[Claimed], owner: UUID) -> int:
    """How many may be handed over."""
    intended = await store.intend(pool, claimed, carrier="null", owner=owner, lease_left=1)
    return len(intended)


async def test_what_another_has_claimed_is_not_handed_over(pool: Pool) -> None:
    before, after = await claimed_twice(pool)
    state = await pool.fetch(STATE)
    # The first is a late worker. The others cannot be; each would be stopped by one check alone.
    for claimed, owner in ((before, OWNER), (before, OTHER), (after, OWNER)):
        assert await intend(pool, claimed, owner) == 0
    assert await pool.fetch(STATE) == state
    assert await intend(pool, after, OTHER) == 3


@pytest.mark.parametrize("write", ["settle", "give_back", "doubt"])
async def test_what_another_hands_over_is_not_ended(pool: Pool, write: str) -> None:
    before, after = await claimed_twice(pool)
    await intend(pool, after, OTHER)
    state = await pool.fetch(STATE)
    for claimed, owner in ((before, OWNER), (before, OTHER), (after, OWNER)):
        assert await end(pool, write, claimed, owner) == set()
    assert await pool.fetch(STATE) == state
    assert len(await end(pool, write, after, OTHER)) == 3


async def end(pool: Pool, write: str, claimed: Sequence[Claimed], owner: UUID) -> set[UUID]:
    """Writes what became of messages; returns those of which it was believed."""
    if write == "settle":
        accepted = AttemptOutcome.ACCEPTED
        settled = [Settled(m.message_id, m.fence, 3, None, "null", accepted) for m in claimed]
        return await store.settle(pool, settled, owner=owner)
    if write == "give_back":
        not_sent = AttemptOutcome.NOT_SENT
        back = [GivenBack(m.message_id, m.fence, 0.0, 0, "null", not_sent) for m in claimed]
        return await store.give_back(pool, back, owner=owner)
    doubtful = [(m.message_id, m.fence) for m in claimed]
    return await doubt(pool, doubtful, owner=owner, look_after=60)


async def test_who_stops_gives_back_only_what_was_not_begun(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    claimed = await claim(pool, queued.sending_number_id)
    await intend(pool, claimed[:1], OWNER)
    assert await leases.release(pool, owner=OTHER) == 0
    assert await leases.release(pool, owner=OWNER) == 2
    # The carrier may have been asked for the first: nobody else may ask it.
    kept = await pool.fetch("SELECT message_id FROM dispatch WHERE owner IS NOT NULL")
    assert [row[0] for row in kept] == [claimed[0].message_id]
