"""What the carrier itself said of a failure can be read long after its receipt was applied."""

import asyncio
from dataclasses import replace
from uuid import UUID

from outbound_sms.store import doubts
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, give_back
from outbound_sms.store.messages import MessageFilter, get_messages, list_messages
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import DELIVERED, SENT, UNDELIVERED, apply_receipts
from outbound_sms.store.submitted_parts import store_part_receipts
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import intend
from tests.dispatch.parts import (
    accepted,
    come,
    in_parts,
    of,
    settle,
    submitting,
    waiting,
)
from tests.waiting import wait_until

GONE = of("a", UNDELIVERED, "NUMBER.UNREACHABLE", "1f")


async def shown(pool: Pool, instance_id: UUID, message_id: UUID) -> tuple[str | None, str | None]:
    """Reason and carrier's code of a message, which the list and the whole message agree on."""
    (row,) = (await get_messages(pool, instance_id, [message_id])).values()
    async with pool.acquire() as connection, connection.transaction():
        listed = await list_messages(connection, instance_id, MessageFilter(), None, 50)
    (in_list,) = [each for each in listed.rows if each["id"] == message_id]
    found = (row["reject_reason"], row["carrier_code"])
    assert (in_list["reject_reason"], in_list["carrier_code"]) == found
    return found


async def attempts(pool: Pool) -> list[tuple[int, int, str | None, str | None, str | None]]:
    """Number, outcome, carrier's id, reason and code of every attempt."""
    rows = await pool.fetch(
        "SELECT number, outcome, carrier_message_id, reason, carrier_code FROM attempt ORDER BY 1"
    )
    return [tuple(row) for row in rows]


async def test_the_code_of_a_receipt_is_kept_with_the_attempt(pool: Pool) -> None:
    queued, message = await in_parts(pool, "a")
    await come(pool, GONE)
    assert await shown(pool, queued.instance_id, message) == ("NUMBER.UNREACHABLE", "1f")
    assert await attempts(pool) == [(1, 1, "a", "NUMBER.UNREACHABLE", "1f")]


async def test_the_code_of_the_part_that_failed_is_kept(pool: Pool) -> None:
    queued, message = await in_parts(pool, "b", "a")
    await come(pool, of("b", DELIVERED), GONE)
    assert await shown(pool, queued.instance_id, message) == ("NUMBER.UNREACHABLE", "1f")


async def test_a_receipt_that_overtakes_the_answer_and_the_answer_both_tell_of_the_attempt(
    pool: Pool,
) -> None:
    queued, (message,) = await submitting(pool)
    sent = await pool.fetchval("SELECT submitting_time FROM dispatch")
    await come(pool, replace(GONE, message_id=message.message_id, attempt=1))
    assert await attempts(pool) == [(1, 1, "a", "NUMBER.UNREACHABLE", "1f")]
    assert await pool.fetchval("SELECT submit_time FROM attempt") == sent
    assert await settle(pool, accepted(message, "answered")) == {message.message_id}
    assert await attempts(pool) == [(1, 1, "answered", "NUMBER.UNREACHABLE", "1f")]
    assert await pool.fetchval("SELECT submit_time FROM attempt") == sent
    found = await shown(pool, queued.instance_id, message.message_id)
    assert found == ("NUMBER.UNREACHABLE", "1f")


async def test_the_code_of_a_receipt_that_ends_a_doubt_is_kept(pool: Pool) -> None:
    queued, (message,) = await submitting(pool)
    lease = [(message.message_id, message.fence)]
    await doubts.doubt(pool, lease, owner=OWNER, look_after=60)
    await come(pool, replace(GONE, message_id=message.message_id, attempt=1))
    found = await shown(pool, queued.instance_id, message.message_id)
    assert found == ("NUMBER.UNREACHABLE", "1f")
    assert await attempts(pool) == [(1, 1, "a", "NUMBER.UNREACHABLE", "1f")]


async def test_the_code_shown_is_that_of_the_failure_and_not_of_a_later_try(pool: Pool) -> None:
    """A late receipt, of the first attempt, after the second was throttled."""
    queued, (message,) = await submitting(pool)
    first = GivenBack(
        message.message_id, message.fence, 0, 1, "null", AttemptOutcome.UNKNOWN, None, None
    )
    await give_back(pool, [first], owner=OWNER)
    (again,) = await claim(pool, queued.sending_number_id)
    await intend(pool, [again])
    second = GivenBack(
        message.message_id, again.fence, 0, 0, "null", AttemptOutcome.THROTTLED, None, "58"
    )
    await give_back(pool, [second], owner=OWNER)
    await come(pool, replace(GONE, message_id=message.message_id, attempt=1))
    found = await shown(pool, queued.instance_id, message.message_id)
    assert found == ("NUMBER.UNREACHABLE", "1f")
    assert await attempts(pool) == [
        (1, 5, None, "NUMBER.UNREACHABLE", "1f"),
        (2, 3, None, None, "58"),
    ]


async def test_a_failure_after_the_delivery_leaves_no_code(pool: Pool) -> None:
    queued, message = await in_parts(pool, "a")
    await come(pool, of("a", SENT), of("a", DELIVERED))
    await come(pool, GONE)
    assert await shown(pool, queued.instance_id, message) == (None, None)
    assert await attempts(pool) == [(1, 1, "a", None, None)]


async def test_an_answer_and_an_early_failure_written_at_once_do_not_deadlock(pool: Pool) -> None:
    """Both change the message first, and then the attempt."""
    _, (message,) = await submitting(pool)
    await store_part_receipts(pool, [replace(GONE, message_id=message.message_id, attempt=1)])
    async with pool.acquire() as held:
        transaction = held.transaction()
        await transaction.start()
        await held.execute("SELECT FROM message FOR UPDATE")
        applied = asyncio.create_task(apply_receipts(pool, 100))
        await wait_until(lambda: waiting(pool, 1), 10, "the failure waits for the message")
        settled = asyncio.create_task(settle(pool, accepted(message, "answered")))
        await wait_until(lambda: waiting(pool, 2), 10, "the answer waits too")
        await transaction.rollback()
        await asyncio.gather(applied, settled)
    assert await attempts(pool) == [(1, 1, "answered", "NUMBER.UNREACHABLE", "1f")]
    await check_history(pool)
