"""Pause, resume, cancel, validity and the finish, as they reach the queue."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.dispatch import mass_control
from outbound_sms.dispatch.expand import expand_once
from outbound_sms.dispatch.expiry import expire_once
from outbound_sms.dispatch.mass_control import control_once, run_mass_control
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import mass_control as store
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, give_back
from outbound_sms.store.mass_messages import lock_state
from outbound_sms.store.pool import Pool
from tests.dispatch.claims import OWNER, claim
from tests.factories import Isp, add_mass_message, add_subscribers, make_isp
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass_control, "CHUNK", 7)


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    made = await make_isp(pool)
    await add_subscribers(pool, made, 20)
    return made


@pytest.fixture
async def mass_message_id(pool: Pool, isp: Isp) -> UUID:
    """A mass message with 20 texts in the queue."""
    made = await add_mass_message(pool, isp)
    await expand_once(pool)
    return made


async def decide(pool: Pool, mass_message_id: UUID, state: MassMessageState) -> None:
    await pool.execute(
        "UPDATE mass_message SET state = $2, queue_settled = false WHERE id = $1",
        mass_message_id,
        state,
    )


async def lease(pool: Pool, count: int) -> list[UUID]:
    """Leases messages as a worker does; their ids."""
    rows = await pool.fetch(
        "UPDATE dispatch SET owner = new_id(), lease_until = now() + interval '1 minute' "
        "WHERE message_id IN (SELECT message_id FROM dispatch ORDER BY message_id LIMIT $1) "
        "RETURNING message_id",
        count,
    )
    return [row["message_id"] for row in rows]


async def parked(pool: Pool) -> int:
    found: int = await pool.fetchval("SELECT count(*) FROM dispatch WHERE due_time = 'infinity'")
    return found


async def state_of(pool: Pool, mass_message_id: UUID) -> tuple[MassMessageState, bool]:
    """The state, and whether it has a finish time."""
    row = await pool.fetchrow(
        "SELECT state, finish_time FROM mass_message WHERE id = $1", mass_message_id
    )
    assert row is not None
    return MassMessageState(row["state"]), row["finish_time"] is not None


async def failures(pool: Pool) -> dict[str, int]:
    """Failed messages by reason, of those whose last event says the same."""
    rows = await pool.fetch(
        "SELECT m.reject_reason, count(*) FROM message m JOIN status_event e "
        "ON e.message_id = m.id AND e.version = m.version AND e.status = m.status "
        "AND e.reject_reason = m.reject_reason "
        "AND e.mass_message_id IS NOT DISTINCT FROM m.mass_message_id "
        "WHERE m.status = 5 GROUP BY 1"
    )
    return {row["reject_reason"]: row["count"] for row in rows}


async def test_a_pause_sets_every_ready_text_aside_and_a_resume_brings_all_back(
    pool: Pool, mass_message_id: UUID
) -> None:
    await decide(pool, mass_message_id, MassMessageState.PAUSED)
    assert await control_once(pool) == 20
    assert await parked(pool) == 20
    assert await control_once(pool) == 0
    await decide(pool, mass_message_id, MassMessageState.SENDING)
    assert await control_once(pool) == 20
    assert await parked(pool) == 0
    assert await control_once(pool) == 0


async def test_a_pause_leaves_what_a_worker_holds_and_what_is_in_doubt(
    pool: Pool, mass_message_id: UUID
) -> None:
    await lease(pool, 2)
    await pool.execute(
        "UPDATE dispatch SET in_doubt_since = now() WHERE message_id IN "
        "(SELECT message_id FROM dispatch WHERE owner IS NULL LIMIT 3)"
    )
    await decide(pool, mass_message_id, MassMessageState.PAUSED)
    await control_once(pool)
    assert await parked(pool) == 15


async def test_a_pause_does_not_touch_another_mass_message_of_the_same_number(
    pool: Pool, isp: Isp, mass_message_id: UUID
) -> None:
    other = await add_mass_message(pool, isp)
    await expand_once(pool)
    await decide(pool, other, MassMessageState.PAUSED)
    await control_once(pool)
    rows = await pool.fetch(
        "SELECT DISTINCT mass_message_id FROM dispatch WHERE due_time = 'infinity'"
    )
    assert [row["mass_message_id"] for row in rows] == [other]
    assert await parked(pool) == 20


async def test_pauses_and_resumes_at_once_leave_the_queue_as_the_last_of_them_says(
    pool: Pool, mass_message_id: UUID
) -> None:
    done = asyncio.Event()

    async def control() -> None:
        while not done.is_set():
            await control_once(pool)

    controls = [asyncio.create_task(control()) for _ in range(3)]
    for turn in range(30):
        paused = turn % 2 == 0
        state = MassMessageState.PAUSED if paused else MassMessageState.SENDING
        await decide(pool, mass_message_id, state)
        await asyncio.sleep(0.002)
    await wait_until(
        lambda: pool.fetchval("SELECT queue_settled FROM mass_message"), describe="the queue"
    )
    done.set()
    await asyncio.gather(*controls)
    assert await parked(pool) == 0


@pytest.mark.parametrize("first", [MassMessageState.SENDING, MassMessageState.PAUSED])
async def test_what_another_process_changes_between_two_chunks_is_changed_back(
    pool: Pool, mass_message_id: UUID, first: MassMessageState
) -> None:
    sending, paused = MassMessageState.SENDING, MassMessageState.PAUSED
    second = paused if first is sending else sending
    await decide(pool, mass_message_id, second)
    await control_once(pool)
    await decide(pool, mass_message_id, first)
    slow = mass_control._Control(pool, mass_message_id)
    assert await slow._chunk() == mass_control.CHUNK
    await decide(pool, mass_message_id, second)
    await control_once(pool)
    await decide(pool, mass_message_id, first)
    await slow.run()
    assert await pool.fetchval("SELECT queue_settled FROM mass_message")
    assert await parked(pool) == (0 if first is sending else 20)


async def test_a_verb_waits_until_the_chunk_that_is_being_changed_is_done(
    pool: Pool, isp: Isp, mass_message_id: UUID
) -> None:
    async def lock_at_once() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '50ms'")
            await lock_state(connection, isp.instance_id, mass_message_id)

    async with pool.acquire() as connection, connection.transaction():
        assert await store.lock(connection, mass_message_id) is not None
        with pytest.raises(asyncpg.LockNotAvailableError):
            await lock_at_once()
    await lock_at_once()


async def test_a_cancel_fails_what_nobody_has_handed_over_and_ends_when_the_rest_is_done(
    pool: Pool, mass_message_id: UUID
) -> None:
    held = await lease(pool, 2)
    await decide(pool, mass_message_id, MassMessageState.CANCELLED)
    await control_once(pool)
    assert await failures(pool) == {"POLICY.CANCELLED": 18}
    assert await state_of(pool, mass_message_id) == (MassMessageState.CANCELLED, False)
    # A lease that runs out gives the text back, and then it goes the same way.
    await pool.execute("UPDATE dispatch SET owner = NULL WHERE message_id = $1", held[0])
    await control_once(pool)
    assert await failures(pool) == {"POLICY.CANCELLED": 19}
    await pool.execute("DELETE FROM dispatch WHERE message_id = $1", held[1])
    await control_once(pool)
    assert await state_of(pool, mass_message_id) == (MassMessageState.CANCELLED, True)
    assert await control_once(pool) == 0


async def test_a_cancel_of_a_paused_mass_message_fails_what_was_set_aside(
    pool: Pool, mass_message_id: UUID
) -> None:
    await decide(pool, mass_message_id, MassMessageState.PAUSED)
    await control_once(pool)
    await decide(pool, mass_message_id, MassMessageState.CANCELLED)
    await control_once(pool)
    assert await failures(pool) == {"POLICY.CANCELLED": 20}
    assert await state_of(pool, mass_message_id) == (MassMessageState.CANCELLED, True)


async def test_a_text_that_was_given_back_after_a_first_try_fails_with_its_status_before(
    pool: Pool, mass_message_id: UUID
) -> None:
    await pool.execute("UPDATE message SET status = 2, version = 2")
    await decide(pool, mass_message_id, MassMessageState.CANCELLED)
    await control_once(pool)
    rows = await pool.fetch(
        "SELECT DISTINCT version, previous_status FROM status_event WHERE status = 5"
    )
    assert [tuple(row) for row in rows] == [(3, MessageStatus.IN_PROGRESS)]


async def test_a_status_that_a_receipt_has_set_already_is_never_taken_back(
    pool: Pool, mass_message_id: UUID
) -> None:
    await pool.execute("UPDATE sending_number SET segments_per_second = 1000")
    await pool.execute("UPDATE sending_rate SET tokens = 1000")
    claimed = await claim(pool, await pool.fetchval("SELECT id FROM sending_number"))
    back = [GivenBack(m.message_id, m.fence, 0, 0, "null", AttemptOutcome.NONE) for m in claimed]
    assert await give_back(pool, back, owner=OWNER) == {m.message_id for m in claimed}
    await pool.execute("UPDATE message SET status = 4, version = 2")
    await decide(pool, mass_message_id, MassMessageState.CANCELLED)
    await control_once(pool)
    assert await failures(pool) == {}
    assert await pool.fetchval("SELECT count(*) FROM message WHERE status = 4") == 20


@pytest.mark.parametrize("state", [MassMessageState.SENDING, MassMessageState.PAUSED])
async def test_texts_past_their_validity_fail_also_while_paused(
    pool: Pool, mass_message_id: UUID, state: MassMessageState
) -> None:
    await decide(pool, mass_message_id, state)
    await control_once(pool)
    await pool.execute("UPDATE mass_message SET valid_until = now()")
    await control_once(pool)
    assert await failures(pool) == {"EXPIRY.VALIDITY": 20}


async def test_texts_of_no_mass_message_fail_when_their_validity_has_passed(
    pool: Pool, mass_message_id: UUID
) -> None:
    await pool.execute("UPDATE message SET mass_message_id = NULL, kind = 2")
    await pool.execute(
        "UPDATE dispatch SET mass_message_id = NULL, valid_until = now() WHERE message_id IN "
        "(SELECT message_id FROM dispatch ORDER BY message_id LIMIT 3)"
    )
    assert await expire_once(pool) == 3
    assert await expire_once(pool) == 0
    assert await failures(pool) == {"EXPIRY.VALIDITY": 3}
    assert await pool.fetchval("SELECT count(*) FROM dispatch") == 17


async def test_a_mass_message_is_finished_when_nothing_of_it_is_left_in_the_queue(
    pool: Pool, mass_message_id: UUID
) -> None:
    await pool.execute("DELETE FROM dispatch WHERE message_id <> $1", (await lease(pool, 1))[0])
    assert await control_once(pool) == 0
    assert await state_of(pool, mass_message_id) == (MassMessageState.SENDING, False)
    await pool.execute("DELETE FROM dispatch")
    assert await control_once(pool) == 1
    assert await state_of(pool, mass_message_id) == (MassMessageState.FINISHED, True)


async def test_a_mass_message_that_still_expands_is_not_finished_by_an_empty_queue(
    pool: Pool, isp: Isp
) -> None:
    mass_message_id = await add_mass_message(pool, isp)
    await control_once(pool)
    assert await state_of(pool, mass_message_id) == (MassMessageState.EXPANDING, False)


async def test_the_loop_carries_a_decision_to_the_queue_and_stops_when_told(
    pool: Pool, mass_message_id: UUID
) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    loop = asyncio.create_task(run_mass_control(pool, stop, wake))
    try:
        await decide(pool, mass_message_id, MassMessageState.PAUSED)
        wake.set()

        async def all_parked() -> bool:
            return await parked(pool) == 20

        await wait_until(all_parked, describe="the pause")
    finally:
        stop.set()
        await asyncio.wait_for(loop, 5)
