"""Leases after the clock of the database was set back: none lasts for an hour because of it."""

from datetime import timedelta

from outbound_sms.store import dispatch as store
from outbound_sms.store import leases
from outbound_sms.store.dispatch import AttemptOutcome, Settled
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.queue_factory import fill_queue

LEASE = 45.0
HOUR = timedelta(hours=1)


async def test_a_worker_that_is_gone_loses_its_leases_as_soon_as_ever(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await fill_queue(clocked, 3)
    claimed = await claim(clocked, queued.sending_number_id)
    await store.intend(clocked, claimed[:1], carrier="null", owner=OWNER, lease_left=20)
    await clock.jump(-HOUR)
    assert await leases.rescue(clocked, most=500, look_after=5) == (0, 0)
    assert await leases.shorten(clocked, most=500, lease_seconds=LEASE) == 3
    assert await leases.rescue(clocked, most=500, look_after=5) == (0, 0)
    await clock.jump(timedelta(seconds=LEASE))
    assert await leases.rescue(clocked, most=500, look_after=5) == (2, 1)


async def test_a_worker_that_is_not_keeps_them(clocked: Pool, clock: DatabaseClock) -> None:
    queued = await fill_queue(clocked, 3)
    claimed = await claim(clocked, queued.sending_number_id)
    await clock.jump(-HOUR)
    await leases.shorten(clocked, most=500, lease_seconds=LEASE)
    assert (
        len(await store.intend(clocked, claimed, carrier="null", owner=OWNER, lease_left=20)) == 3
    )
    sent = [
        Settled(m.message_id, m.fence, 3, None, "null", AttemptOutcome.ACCEPTED) for m in claimed
    ]
    assert len(await store.settle(clocked, sent, owner=OWNER)) == 3


async def test_the_longer_leases_of_a_server_with_other_settings_are_left_alone(
    clocked: Pool,
) -> None:
    queued = await fill_queue(clocked, 3)
    await claim(clocked, queued.sending_number_id)
    assert await leases.shorten(clocked, most=500, lease_seconds=LEASE / 5) == 0
