"""Quiet hours in the claim and at the intent: what is held stays, what goes has its proof."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store import dispatch as store
from outbound_sms.store import leases
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack
from outbound_sms.store.pool import Pool
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim, open_groups
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue, set_quiet_hours

NIGHT = QuietHours(time(21), time(8))
BY_RECIPIENT = QuietHours(time(21), time(8), QuietMode.RECIPIENT)
# In New York: seven in the evening and ten at night, in July, so that no clock changes.
EVENING = datetime(2027, 7, 1, 23, tzinfo=UTC)
AT_NIGHT = EVENING + timedelta(hours=3)
HOUR = timedelta(hours=1)


@pytest.fixture
async def queued(clocked: Pool, clock: DatabaseClock) -> Queued:
    """Five mass messages of an instance with quiet hours at night. It is evening."""
    await clock.set(EVENING)
    made = await fill_queue(clocked, 5)
    await clocked.execute("UPDATE dispatch SET valid_until = now() + interval '5 days'")
    await set_quiet_hours(clocked, made.instance_id, NIGHT)
    return made


async def intend(pool: Pool, claimed: list[Claimed]) -> dict[UUID, int]:
    return await store.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=20)


def ids(claimed: list[Claimed]) -> list[UUID]:
    return [message.message_id for message in claimed]


async def quiet_check(pool: Pool, message_id: UUID) -> str | None:
    found: str | None = await pool.fetchval(
        "SELECT quiet_check FROM message WHERE id = $1", message_id
    )
    return found


async def test_at_night_mass_messages_go_and_triggered_ones_wait(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    held = await add_triggered(clocked, queued, 3)
    await clock.set(AT_NIGHT)
    assert ids(await claim(clocked, queued.sending_number_id)) == list(queued.message_ids)
    await clock.set(AT_NIGHT + 10 * HOUR)
    assert ids(await claim(clocked, queued.sending_number_id)) == held


async def test_mass_messages_are_claimed_whatever_the_hour(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await clock.set(AT_NIGHT)
    claimed = await claim(clocked, queued.sending_number_id)
    assert len(await intend(clocked, claimed)) == 5
    assert await quiet_check(clocked, claimed[0].message_id) is None


async def test_a_claim_takes_group_after_group_and_no_more_of_a_number_than_it_may(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await set_quiet_hours(clocked, queued.instance_id, BY_RECIPIENT)
    chicago = await add_triggered(clocked, queued, 3, zones="America/Chicago")
    await clock.jump(timedelta(seconds=5))
    denver = await add_triggered(clocked, queued, 3, zones="America/Denver")
    number = queued.sending_number_id
    assert ids(await claim(clocked, number, most=4)) == [*chicago, denver[0]]
    assert ids(await claim(clocked, number, most=4)) == [*denver[1:], *queued.message_ids[:2]]
    assert ids(await claim(clocked, number, most=4)) == list(queued.message_ids[2:])


async def test_all_groups_of_a_number_share_its_rate(clocked: Pool, queued: Queued) -> None:
    await add_triggered(clocked, queued, 3)
    await clocked.execute("UPDATE sending_number SET segments_per_second = 4")
    assert [m.group.opening is None for m in await claim(clocked, queued.sending_number_id)] == [
        False,
        False,
        False,
        True,
    ]


async def test_numbers_of_several_instances_are_claimed_together(
    clocked: Pool, queued: Queued
) -> None:
    other = await fill_queue(clocked, 5, name="Boreale", sender="+14165550199")
    groups = [
        group
        for number in (queued.sending_number_id, other.sending_number_id)
        for group in await open_groups(clocked, number)
    ]
    claimed = await store.claim(clocked, groups, most_each=3, owner=OWNER, lease_seconds=45)
    assert {m.message_id for m in claimed} == {*queued.message_ids[:3], *other.message_ids[:3]}


async def test_what_was_claimed_in_time_is_held_when_the_window_has_begun_at_its_intent(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    (message_id,) = await add_triggered(clocked, queued, 1)
    await clock.set(EVENING + 2 * HOUR - timedelta(seconds=10))
    claimed = await claim(clocked, queued.sending_number_id)
    assert len(claimed) == 6
    await clock.jump(timedelta(seconds=10))
    assert set(await intend(clocked, claimed)) == set(queued.message_ids)
    row = await clocked.fetchrow(
        "SELECT m.status, m.quiet_check, d.submitting_time, d.attempts FROM message m "
        "JOIN dispatch d ON d.message_id = m.id WHERE m.id = $1",
        message_id,
    )
    assert row is not None and tuple(row) == (1, None, None, 0)


async def test_what_was_claimed_in_time_is_held_when_the_clock_is_set_back_into_the_window(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await add_triggered(clocked, queued, 1)
    await clock.set(AT_NIGHT + 10 * HOUR + timedelta(minutes=5))
    claimed = await claim(clocked, queued.sending_number_id)
    assert len(claimed) == 6
    await clock.jump(-HOUR)
    assert set(await intend(clocked, claimed)) == set(queued.message_ids)


@pytest.mark.parametrize("hours", [QuietHours(time(18), time(22)), None])
async def test_a_change_of_the_settings_makes_what_was_claimed_before_it_wait_for_a_new_look(
    clocked: Pool, queued: Queued, hours: QuietHours | None
) -> None:
    (message_id,) = await add_triggered(clocked, queued, 1)
    claimed = await claim(clocked, queued.sending_number_id)
    await set_quiet_hours(clocked, queued.instance_id, hours)
    assert set(await intend(clocked, claimed)) == set(queued.message_ids)
    await leases.release(clocked, owner=OWNER)
    again = [m.message_id for m in await claim(clocked, queued.sending_number_id)]
    assert (message_id in again) is (hours is None)


async def test_the_proof_is_kept_with_the_message_at_its_intent(
    clocked: Pool, queued: Queued
) -> None:
    await set_quiet_hours(clocked, queued.instance_id, BY_RECIPIENT)
    zones = "America/Chicago,America/New_York"
    (message_id,) = await add_triggered(clocked, queued, 1, zones=zones)
    claimed = await claim(clocked, queued.sending_number_id)
    assert await quiet_check(clocked, message_id) is None
    await intend(clocked, claimed)
    assert await quiet_check(clocked, message_id) == f"RECIPIENT 21:00-08:00 {zones}"
    assert await quiet_check(clocked, queued.message_ids[0]) is None


async def test_without_quiet_hours_there_is_nothing_to_prove(clocked: Pool, queued: Queued) -> None:
    await set_quiet_hours(clocked, queued.instance_id, None)
    (message_id,) = await add_triggered(clocked, queued, 1)
    assert len(await intend(clocked, await claim(clocked, queued.sending_number_id))) == 6
    assert await quiet_check(clocked, message_id) is None


async def test_the_proof_is_that_of_the_last_hand_over(clocked: Pool, queued: Queued) -> None:
    (message_id,) = await add_triggered(clocked, queued, 1)
    for hours, proof in (
        (NIGHT, "INSTANCE 21:00-08:00 America/New_York"),
        (QuietHours(time(22), time(7)), "INSTANCE 22:00-07:00 America/New_York"),
        (None, None),
    ):
        await set_quiet_hours(clocked, queued.instance_id, hours)
        (claimed,) = await claim(clocked, queued.sending_number_id, most=1)
        assert await intend(clocked, [claimed]) != {}
        assert (claimed.message_id, await quiet_check(clocked, message_id)) == (message_id, proof)
        await give_back(clocked, claimed)
    await check_history(clocked)


async def give_back(pool: Pool, message: Claimed, pause: float = 0.0) -> None:
    back = GivenBack(message.message_id, message.fence, pause, 0, "null", AttemptOutcome.NONE)
    assert await store.give_back(pool, [back], owner=OWNER) == {message.message_id}


async def test_what_is_given_back_without_a_pause_keeps_its_place(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    first, second = (await claim(clocked, queued.sending_number_id, most=2))[:2]
    await clock.jump(timedelta(seconds=5))
    await give_back(clocked, first)
    await give_back(clocked, second, pause=1.0)
    assert ids(await claim(clocked, queued.sending_number_id)) == [
        first.message_id,
        *queued.message_ids[2:],
    ]


async def test_a_clock_that_was_set_back_does_not_stop_a_number(
    clocked: Pool, clock: DatabaseClock, queued: Queued
) -> None:
    await clocked.execute("UPDATE sending_number SET segments_per_second = 2")
    await clocked.execute("UPDATE dispatch SET due_time = due_time - interval '1 day'")
    assert len(await claim(clocked, queued.sending_number_id)) == 2
    await clock.jump(-HOUR)
    (ready,) = await store.ready_groups(clocked)
    assert ready.wait == 0
    assert await claim(clocked, queued.sending_number_id) == []
    await clock.jump(timedelta(seconds=1))
    assert len(await claim(clocked, queued.sending_number_id)) >= 1
