"""The opt-in is looked at again when a triggered message is claimed: much may happen in a night."""

from uuid import UUID

import pytest

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history
from tests.dispatch.claims import claim
from tests.dispatch.queue_factory import add_triggered, fill_queue

OPTED_OUT = "UPDATE phone_number SET sms_opt_in = false WHERE e164 = $1"
CHANGES = {
    "the number is not opted in any more": OPTED_OUT,
    "the number was removed": "DELETE FROM phone_number WHERE e164 = $1",
    "the number was changed": "UPDATE phone_number SET e164 = '+12125550199' WHERE e164 = $1",
    "the contact was deleted": (
        "UPDATE contact SET delete_time = now() WHERE id IN "
        "(SELECT contact_id FROM phone_number WHERE e164 = $1)"
    ),
    "the type is not SMS capable any more": (
        "WITH landline AS (INSERT INTO phone_number_type (instance_id, name) "
        "SELECT id, 'Landline' FROM instance RETURNING id) "
        "UPDATE phone_number SET phone_number_type_id = landline.id FROM landline WHERE e164 = $1"
    ),
}


async def phone_of(pool: Pool, message_id: UUID) -> str:
    found: str = await pool.fetchval("SELECT phone FROM message WHERE id = $1", message_id)
    return found


async def outcome(pool: Pool, message_id: UUID) -> tuple[int, str | None]:
    """Status and reason."""
    row = await pool.fetchrow("SELECT status, reject_reason FROM message WHERE id = $1", message_id)
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_triggered_message_without_consent_fails_and_the_others_go(
    pool: Pool, change: str
) -> None:
    queued = await fill_queue(pool, 0)
    first, gone, last = await add_triggered(pool, queued, 3)
    await pool.execute(change, await phone_of(pool, gone))
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == [first, last]
    assert await outcome(pool, gone) == (5, "POLICY.NO_CONSENT")
    assert await pool.fetchval("SELECT count(*) FROM dispatch WHERE message_id = $1", gone) == 0
    await check_history(pool)


async def test_the_same_number_of_another_contact_gives_no_consent(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    mine, theirs = await add_triggered(pool, queued, 2)
    await pool.execute(OPTED_OUT, await phone_of(pool, mine))
    await pool.execute("UPDATE phone_number SET e164 = $1", await phone_of(pool, mine))
    await pool.execute("UPDATE message SET phone = $1", await phone_of(pool, mine))
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == [theirs]
    assert await outcome(pool, mine) == (5, "POLICY.NO_CONSENT")


async def test_a_stop_says_so_though_it_clears_the_opt_in_too(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    (message_id,) = await add_triggered(pool, queued, 1)
    phone = await phone_of(pool, message_id)
    await pool.execute(OPTED_OUT, phone)
    await pool.execute("INSERT INTO suppression (e164, source) VALUES ($1, 6)", phone)
    assert await claim(pool, queued.sending_number_id) == []
    assert await outcome(pool, message_id) == (5, "POLICY.OPTED_OUT")


async def test_what_was_tried_before_fails_with_its_history(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    (message_id,) = await add_triggered(pool, queued, 1)
    await pool.execute("UPDATE message SET status = 2, version = 2")
    await pool.execute(
        "INSERT INTO status_event (instance_id, message_id, version, status, previous_status) "
        "SELECT instance_id, id, 2, 2, 1 FROM message"
    )
    await pool.execute(OPTED_OUT, await phone_of(pool, message_id))
    assert await claim(pool, queued.sending_number_id) == []
    assert await outcome(pool, message_id) == (5, "POLICY.NO_CONSENT")
    await check_history(pool)


async def test_a_mass_message_keeps_the_consent_of_its_expansion(pool: Pool) -> None:
    queued = await fill_queue(pool, 3)
    assert len(await claim(pool, queued.sending_number_id)) == 3


async def test_an_answer_to_a_keyword_needs_no_opt_in(pool: Pool) -> None:
    queued = await fill_queue(pool, 1)
    await pool.execute("UPDATE message SET kind = 3")
    await pool.execute("UPDATE dispatch SET mass_message_id = NULL, priority = 1")
    await pool.execute("INSERT INTO suppression (e164, source) SELECT phone, 6 FROM message")
    assert len(await claim(pool, queued.sending_number_id)) == 1
