"""Receipts that name nothing but the carrier's id: whose they are, and what several parts say."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import Accepted, Receipt, ReceiptState, Submission, Submitted
from outbound_sms.dispatch.part_receipts import PartReceipts
from outbound_sms.domain.message_reference import message_reference
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.store import doubts
from outbound_sms.store.dispatch import Claimed
from outbound_sms.store.pool import DATABASE_FAILURES, Pool, SessionRole, open_pool
from outbound_sms.store.receipts import (
    DELIVERED,
    FAILED,
    SENT,
    UNDELIVERED,
    StoredReceipt,
    apply_receipts,
    refund,
)
from outbound_sms.store.submitted_parts import PartReceipt, store_part_receipts, take_parked
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER
from tests.dispatch.money import balance, entries, receipt, with_status
from tests.dispatch.parts import (
    CARRIER,
    FUNDS,
    accepted,
    come,
    in_parts,
    of,
    parked,
    settle,
    state_of_parts,
    status_of,
    submitting,
    waiting,
)
from tests.dispatch.queue_factory import PRICE, fill_queue
from tests.dispatch.running import dispatching
from tests.dispatch.scripted_carrier import ScriptedCarrier
from tests.waiting import wait_until

BY_RANK = {SENT: 3, DELIVERED: 4, FAILED: 5}
BACK, PAID = (FUNDS, 0, 0), (FUNDS - PRICE, 0, PRICE)


async def match(pool: Pool) -> None:
    """Looks at all that is parked, also where it is not due, and applies what was matched."""
    await pool.execute("UPDATE parked_receipt SET due_time = receive_time")
    await PartReceipts(pool).match_parked()
    await apply_receipts(pool, 1_000)
    await refund(pool, 1_000)


async def test_the_parts_of_what_was_accepted_are_kept_in_order(pool: Pool) -> None:
    _, (one, two) = await submitting(pool, 2)
    await settle(pool, accepted(two, "c", "a", "b"), accepted(one, "d"))
    assert await state_of_parts(pool) == [
        ("a", 2, 3, None),
        ("b", 3, 3, None),
        ("c", 1, 3, None),
        ("d", 1, 1, None),
    ]
    rows = await pool.fetch("SELECT carrier_message_id, message_id, attempt FROM submitted_part")
    assert {tuple(row) for row in rows} == {
        ("a", two.message_id, 1),
        ("b", two.message_id, 1),
        ("c", two.message_id, 1),
        ("d", one.message_id, 1),
    }


async def test_the_part_is_of_the_attempt_that_was_settled(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    await pool.execute("UPDATE dispatch SET attempts = 3")
    await settle(pool, accepted(message, "a"))
    assert await pool.fetchval("SELECT attempt FROM submitted_part") == 3


async def test_an_answer_without_its_lease_leaves_no_parts(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    await pool.execute("UPDATE dispatch SET fence = fence + 1")
    assert await settle(pool, accepted(message, "a")) == set()
    assert await state_of_parts(pool) == []


async def test_of_an_id_that_a_carrier_repeats_the_newest_message_has_it(pool: Pool) -> None:
    _, messages = await submitting(pool, 4)
    await settle(pool, accepted(messages[3], "a"))
    # In one batch, against the order of the ids, and twice in one message.
    answers = [accepted(messages[2], "a", "b"), accepted(messages[0], "b", "a", "a")]
    assert len(await settle(pool, *answers)) == 2
    assert await state_of_parts(pool) == [("a", 3, 3, None), ("b", 1, 3, None)]
    await come(pool, of("a", DELIVERED), of("b", DELIVERED))
    assert await settle(pool, accepted(messages[1], "a")) == {messages[1].message_id}
    assert await state_of_parts(pool) == [("a", 1, 1, None), ("b", 1, 3, DELIVERED)]
    await come(pool, of("a", DELIVERED))
    assert await status_of(pool, messages[1].message_id) == 4


@pytest.mark.parametrize("odd", ["", "a\0b", "\ud800", "9" * 256])
async def test_an_id_that_cannot_be_one_is_not_kept_and_holds_up_nothing(
    pool: Pool, odd: str
) -> None:
    _, (message,) = await submitting(pool)
    answer = accepted(message, "a", odd)
    await settle(pool, answer)
    assert await state_of_parts(pool) == [("a", 1, 2, None)]
    await come(pool, of("a", DELIVERED))
    assert await status_of(pool, message.message_id) == 3, "nobody knows of the other part"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("parts", [0, 1, 3])
async def test_receipts_move_a_status_forward_only_in_whatever_order_they_come(
    pool: Pool, parts: int, together: bool
) -> None:
    """T-DLR-1. Each receipt comes twice; of several parts every one has the same receipts. Without
    parts they come to an address that names the attempt."""
    ids = "abc"[:parts]
    for said in permutations((SENT, DELIVERED, FAILED)):
        for count in (1, 2, 3):
            order = said[:count]
            queued, message = await in_parts(pool, *ids)
            coming: list[PartReceipt | StoredReceipt] = [
                of(part, state) if part else receipt(message, state)
                for state in order
                for part in ids or [""]
                for _ in range(2)
            ]
            if together:
                await come(pool, *coming)
            for each in coming * 2:
                await come(pool, each)
            final = next((state for state in order if state != SENT), SENT)
            assert await status_of(pool, message) == BY_RANK[final], order
            assert await balance(pool, queued.instance_id) == (BACK if final == FAILED else PAID)
            kinds = ["hold", "capture", *(["refund"] if final == FAILED else [])]
            assert await entries(pool, message) == kinds
            await check_history(pool)
            assert await pool.fetchval("SELECT count(*) FROM receipt") == 0
            await pool.execute("DELETE FROM submitted_part")


@pytest.mark.parametrize("order", list(permutations("abc")))
async def test_a_message_has_failed_as_soon_as_one_of_its_parts_has(
    pool: Pool, order: tuple[str, ...]
) -> None:
    queued, message = await in_parts(pool, "a", "b", "c")
    for part in order:
        state = UNDELIVERED if part == "b" else DELIVERED
        said = await status_of(pool, message)
        await come(pool, of(part, state, "NUMBER.UNREACHABLE" if part == "b" else None))
        assert await status_of(pool, message) == (
            5 if "b" in order[: order.index(part) + 1] else said
        )
    assert await pool.fetchval("SELECT reject_reason FROM message") == "NUMBER.UNREACHABLE"
    assert await balance(pool, queued.instance_id) == PAID
    await check_history(pool)


async def test_that_a_part_was_sent_says_nothing_new(pool: Pool) -> None:
    await in_parts(pool, "a", "b")
    await store_part_receipts(pool, [of("a", SENT), of("b", SENT)])
    assert await pool.fetchval("SELECT count(*) FROM receipt") == 0
    assert await parked(pool) == 0


async def test_the_last_of_two_parts_that_come_at_once_completes_the_message(pool: Pool) -> None:
    _, message = await in_parts(pool, "a", "b")
    async with pool.acquire() as first:
        transaction = first.transaction()
        await transaction.start()
        await store_part_receipts(first, [of("a", DELIVERED)])
        second = asyncio.create_task(store_part_receipts(pool, [of("b", DELIVERED)]))
        await wait_until(lambda: waiting(pool, 1), 10, "the second waits for the first")
        await transaction.commit()
        await second
    await apply_receipts(pool, 10)
    assert await status_of(pool, message) == 4


async def test_answers_and_receipts_that_come_from_everywhere_at_once_are_all_counted(
    pool: Pool,
) -> None:
    """Nothing waits for something that waits for it."""
    _, messages = await submitting(pool, 120)
    ids = {
        m.message_id: [f"{n}-{part}" for part in range(1 + n % 3)] for n, m in enumerate(messages)
    }
    answers = [accepted(m, *ids[m.message_id]) for m in messages]
    coming = [of(part, DELIVERED) for parts in ids.values() for part in parts for _ in range(3)]
    chance = random.Random(5)
    chance.shuffle(answers)
    chance.shuffle(coming)

    async def look() -> None:
        duty = PartReceipts(pool)
        for _ in range(6):
            await pool.execute(
                "UPDATE parked_receipt SET due_time = receive_time WHERE ctid = ANY (ARRAY("
                "SELECT ctid FROM parked_receipt FOR UPDATE SKIP LOCKED))"
            )
            await duty.match_parked()
            await apply_receipts(pool, 20)

    await asyncio.gather(
        *(store_part_receipts(pool, coming[start::6]) for start in range(6)),
        *(settle(pool, *answers[start::4]) for start in range(4)),
        *(look() for _ in range(3)),
    )
    await match(pool)
    assert await parked(pool) == 0
    assert len(await with_status(pool, MessageStatus.DELIVERED)) == len(messages)
    await check_history(pool)


async def test_a_receipt_that_overtakes_the_answer_waits_for_it(pool: Pool) -> None:
    queued, (message,) = await submitting(pool)
    await come(pool, of("a", DELIVERED), of("a", DELIVERED), of("a", SENT))
    assert await status_of(pool, message.message_id) == 2
    assert await parked(pool) == 2
    await match(pool)
    assert await parked(pool) == 2
    await settle(pool, accepted(message, "a"))
    await match(pool)
    assert await status_of(pool, message.message_id) == 4
    assert await parked(pool) == 0
    assert await balance(pool, queued.instance_id) == PAID


async def test_the_answer_has_what_overtook_it_looked_at_at_once(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    await store_part_receipts(pool, [of("a", DELIVERED), of("b", DELIVERED)])
    await pool.execute("UPDATE parked_receipt SET due_time = now() + interval '1 minute'")
    duty = PartReceipts(pool)
    assert await duty.match_parked() == 0
    await settle(pool, accepted(message, "a"))
    assert await duty.match_parked() == 1
    await apply_receipts(pool, 10)
    assert await status_of(pool, message.message_id) == 4


async def test_an_answer_does_not_wait_for_a_look_at_what_overtook_it(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    await store_part_receipts(pool, [of("a", DELIVERED)])
    async with pool.acquire() as connection, connection.transaction():
        await pool.execute("UPDATE parked_receipt SET due_time = now()")
        assert len(await take_parked(connection, 10)) == 1
        await asyncio.wait_for(settle(pool, accepted(message, "a")), 10)


async def test_receipts_of_parts_that_overtake_the_answer_wait_for_it(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    await come(pool, of("b", DELIVERED), of("a", SENT), of("a", DELIVERED))
    await settle(pool, accepted(message, "a", "b"))
    await match(pool)
    assert await status_of(pool, message.message_id) == 4
    assert await parked(pool) == 0


async def test_an_id_that_is_given_again_is_the_newer_messages_before_its_answer_is_written(
    pool: Pool,
) -> None:
    """As by an SMSC that was started anew, and counts from the beginning."""
    _, (older, newer) = await submitting(pool, 2)
    await settle(pool, accepted(older, "a", "b"))
    inbox = ReceiptInbox(pool)
    for number, part in enumerate("ab", 1):
        submitted = Submitted(newer.message_id, 1, number, 2)
        await inbox.put_by_carrier_id(CARRIER, Receipt(part, ReceiptState.DELIVERED), submitted)
    await come(pool)
    assert await status_of(pool, older.message_id) == 3
    await settle(pool, accepted(newer, "a", "b"))
    await match(pool)
    assert await status_of(pool, newer.message_id) == 4
    assert await status_of(pool, older.message_id) == 3
    assert await parked(pool) == 0


async def test_an_id_of_another_carrier_is_another_id(pool: Pool) -> None:
    _, message = await in_parts(pool, "a")
    await come(pool, PartReceipt("another", "a", DELIVERED))
    assert await status_of(pool, message) == 3
    assert await parked(pool) == 1


async def test_a_receipt_whose_attempt_is_known_does_not_wait_for_the_answer(pool: Pool) -> None:
    _, (message,) = await submitting(pool)
    known = PartReceipt(CARRIER, "a", DELIVERED, message_id=message.message_id, attempt=1)
    await come(pool, known)
    assert await status_of(pool, message.message_id) == 4
    assert await parked(pool) == 0
    await settle(pool, accepted(message, "a"))
    await come(pool, known, of("a", FAILED))
    assert await status_of(pool, message.message_id) == 4
    await check_history(pool)


async def in_doubt(pool: Pool, *, segments: int = 1) -> tuple[UUID, Claimed, str]:
    """A text whose carrier did not answer, and its phone."""
    queued, (message,) = await submitting(pool, segments=segments)
    lease = [(message.message_id, message.fence)]
    await doubts.doubt(pool, lease, owner=OWNER, look_after=60)
    return queued.instance_id, message, message.phone


def by_reference(message: Claimed, state: int, **other: Any) -> PartReceipt:
    """A receipt of an id that nobody was told, for the first attempt of a message."""
    return replace(
        PartReceipt(
            CARRIER,
            "lost",
            state,
            "NUMBER.UNREACHABLE" if state > DELIVERED else None,
            recipient=message.phone,
            reference=message_reference(message.message_id, 1),
        ),
        **other,
    )


@pytest.mark.parametrize(
    ("state", "status", "money"),
    [(SENT, 3, PAID), (DELIVERED, 4, PAID), (UNDELIVERED, 5, PAID), (FAILED, 5, BACK)],
)
async def test_a_receipt_with_the_reference_of_an_attempt_ends_its_doubt(
    pool: Pool, state: int, status: int, money: tuple[int, int, int]
) -> None:
    instance_id, message, _ = await in_doubt(pool)
    await come(pool, by_reference(message, state))
    assert await status_of(pool, message.message_id) == status
    assert await pool.fetchval("SELECT count(*) FROM dispatch") == 0
    assert await parked(pool) == 0
    assert await balance(pool, instance_id) == money
    attempt = await pool.fetchrow("SELECT number, outcome, carrier_message_id FROM attempt")
    assert attempt is not None and tuple(attempt) == (1, 1, "lost")


async def test_a_receipt_with_a_reference_waits_until_its_message_is_in_doubt(pool: Pool) -> None:
    await in_doubt(pool)
    _, (message,) = await submitting(pool)
    await come(pool, by_reference(message, DELIVERED))
    assert await parked(pool) == 1, "its answer may still come"
    lease = [(message.message_id, message.fence)]
    await doubts.doubt(pool, lease, owner=OWNER, look_after=60)
    await match(pool)
    assert await status_of(pool, message.message_id) == 4


@pytest.mark.parametrize(
    "other",
    [{"carrier": "another"}, {"recipient": "+12125550199"}, {"reference": -1}, {"reference": None}],
)
async def test_a_receipt_that_does_not_fit_a_doubt_leaves_it(
    pool: Pool, other: dict[str, Any]
) -> None:
    _, message, _ = await in_doubt(pool)
    await come(pool, by_reference(message, DELIVERED, **other))
    assert await status_of(pool, message.message_id) == 2
    assert await parked(pool) == 1


async def test_a_receipt_that_fits_two_doubts_leaves_both(pool: Pool) -> None:
    _, message, _ = await in_doubt(pool)
    _, other, _ = await in_doubt(pool)
    assert message.phone == other.phone
    # The same reference takes 65,536 tries to find; that of both is made the same instead.
    await pool.execute(
        "CREATE OR REPLACE FUNCTION message_reference(message_id uuid, attempt integer) "
        "RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 7'"
    )
    await come(pool, by_reference(message, DELIVERED, reference=7))
    assert await parked(pool) == 1


async def test_that_one_part_of_a_doubt_was_delivered_shows_that_the_carrier_took_it(
    pool: Pool,
) -> None:
    instance_id, message, _ = await in_doubt(pool, segments=2)
    await come(pool, by_reference(message, DELIVERED))
    assert await status_of(pool, message.message_id) == 3
    assert await balance(pool, instance_id) == PAID


def unknown_receipts() -> float:
    return REGISTRY.get_sample_value("outbound_sms_receipts_total", {"state": "unknown"}) or 0


async def test_a_receipt_of_nobody_is_counted_and_dropped_after_a_quarter_of_an_hour(
    clock: DatabaseClock,
) -> None:
    async with await queue_pool(clock.dsn) as pool:
        duty, before = PartReceipts(pool), unknown_receipts()
        await store_part_receipts(pool, [of("a", DELIVERED), of("b", SENT)])
        assert await duty.match_parked() == 0, "looked at a moment ago"
        await clock.jump(timedelta(minutes=14, seconds=59))
        assert await duty.match_parked() == 2
        assert await parked(pool) == 2
        assert unknown_receipts() == before
        await clock.jump(timedelta(seconds=2))
        assert await duty.match_parked() == 2
        assert await parked(pool) == 0
        assert unknown_receipts() == before + 2
        assert await duty.match_parked() == 0


async def test_a_look_that_fails_loses_nothing(pool: Pool) -> None:
    await store_part_receipts(pool, [of("a", DELIVERED), of("b", DELIVERED)])
    await pool.execute("UPDATE parked_receipt SET due_time = now()")
    await pool.execute("ALTER TABLE receipt RENAME TO receipt_away")
    with pytest.raises(DATABASE_FAILURES):
        await PartReceipts(pool).match_parked()
    assert await parked(pool) == 2


async def test_a_parked_receipt_is_looked_at_less_and_less_often(clock: DatabaseClock) -> None:
    async with await queue_pool(clock.dsn) as pool:
        await store_part_receipts(pool, [of("a", DELIVERED)])
        received = await pool.fetchval("SELECT receive_time FROM parked_receipt")
        for _ in range(9):
            await clock.set(await pool.fetchval("SELECT due_time FROM parked_receipt"))
            before = await clock.now()
            assert await PartReceipts(pool).match_parked() == 1
            after = await clock.now()
            due = await pool.fetchval("SELECT due_time FROM parked_receipt")
            assert before + pause_at(before - received) <= due <= after + pause_at(after - received)
        assert pause_at(after - received) == timedelta(minutes=1)


def pause_at(age: timedelta) -> timedelta:
    """Until the next look at a receipt that has been parked for so long."""
    return max(timedelta(seconds=0.5), min(age, timedelta(minutes=1)))


async def queue_pool(dsn: str) -> Pool:
    """As the dispatcher has it."""
    return await open_pool(
        dsn,
        min_size=1,
        max_size=4,
        application_name="tests",
        role=SessionRole.DISPATCHER,
        index_plans=True,
    )


async def test_parts_are_forgotten_after_a_week_and_those_of_final_messages_after_a_day(
    pool: Pool, clock: DatabaseClock
) -> None:
    _, messages = await submitting(pool, 2)
    await settle(pool, accepted(messages[0], "a"), accepted(messages[1], "b"))
    await come(pool, of("a", DELIVERED))
    async with await queue_pool(clock.dsn) as later:
        duty = PartReceipts(later)

        async def left() -> list[str]:
            while await duty.forget():
                pass
            return [part[0] for part in await state_of_parts(pool)]

        await clock.jump(timedelta(hours=23))
        assert await left() == ["a", "b"]
        await clock.jump(timedelta(hours=2))
        assert await left() == ["b"]
        await clock.jump(timedelta(days=5, hours=22))
        assert await left() == ["b"]
        await clock.jump(timedelta(hours=2))
        assert await left() == []


async def test_receipts_that_a_connection_brings_before_the_answer_are_applied_after_it(
    pool: Pool,
) -> None:
    await fill_queue(pool, 3)

    async def answer(submission: Submission) -> Accepted:
        ids = tuple(f"{submission.recipient} {part}" for part in range(2))
        await asyncio.gather(
            *(inbox.put_by_carrier_id(CARRIER, delivered(each), None) for each in ids)
        )
        return Accepted(ids[0], parts=ids)

    def delivered(part: str) -> Receipt:
        return Receipt(part, ReceiptState.DELIVERED)

    async with dispatching(pool, ScriptedCarrier(answer=answer)) as dispatcher:
        inbox = ReceiptInbox(pool, dispatcher.receipts_arrived.set)

        async def all_delivered() -> bool:
            return len(await with_status(pool, MessageStatus.DELIVERED)) == 3

        await wait_until(all_delivered, 10, "all are delivered")
    assert await parked(pool) == 0
    assert len(await state_of_parts(pool)) == 6
    await check_history(pool)
