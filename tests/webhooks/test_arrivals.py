"""What a connected carrier brings is stored for good before it is told so."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from outbound_sms.carriers.carrier import (
    Arrivals,
    Inbound,
    NotTaken,
    Receipt,
    ReceiptState,
    Submitted,
)
from outbound_sms.domain.message_reference import message_reference
from outbound_sms.inbox.arrivals import ReceivedArrivals
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import apply_receipts
from tests.dispatch.parts import (
    CARRIER,
    accepted,
    parked,
    settle,
    status_of,
    submitting,
)

DELIVERED = Receipt("a", ReceiptState.DELIVERED)


@pytest.fixture
async def heard(pool: Pool) -> AsyncIterator[tuple[Arrivals, list[str]]]:
    """The arrivals, and whom they have told of something."""
    told: list[str] = []
    yield (
        ReceivedArrivals(
            ReceiptInbox(pool, lambda: told.append("receipts")),
            TextInbox(pool, lambda: told.append("texts")),
        ),
        told,
    )


async def test_a_receipt_is_durable_when_it_is_taken(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    _, (message,) = await submitting(pool)
    await settle(pool, accepted(message, "a"))
    arrivals, told = heard
    await arrivals.receipt(CARRIER, DELIVERED, None)
    assert told == ["receipts"]
    await apply_receipts(pool, 10)
    assert await status_of(pool, message.message_id) == 4


async def test_a_receipt_of_a_whole_message_that_the_adapter_remembers_is_stored_at_once(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    _, (message,) = await submitting(pool)
    arrivals, _ = heard
    await arrivals.receipt(CARRIER, DELIVERED, Submitted(message.message_id, 1, 1, 1))
    assert await parked(pool) == 0
    await apply_receipts(pool, 10)
    assert await status_of(pool, message.message_id) == 4


async def test_a_receipt_of_a_part_that_the_adapter_remembers_waits_with_its_reference(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    arrivals, _ = heard
    message = uuid4()
    receipt = Receipt("a", ReceiptState.DELIVERED, recipient="+12125550101")
    await arrivals.receipt(CARRIER, receipt, Submitted(message, 2, 1, 3))
    row = await pool.fetchrow("SELECT state, e164, reference FROM parked_receipt")
    assert row is not None
    assert tuple(row) == (3, "+12125550101", message_reference(message, 2))


async def test_a_state_that_says_nothing_is_taken_and_not_stored(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    arrivals, told = heard
    await arrivals.receipt(CARRIER, Receipt("a", ReceiptState.QUEUED), None)
    assert await parked(pool) == 0
    assert told == []


@pytest.mark.parametrize("odd", ["", "a\0b", "\ud800", "9" * 3_000])
async def test_one_receipt_that_cannot_be_stored_does_not_hold_up_the_others(
    pool: Pool, heard: tuple[Arrivals, list[str]], odd: str
) -> None:
    arrivals, _ = heard
    await arrivals.receipt(CARRIER, Receipt(odd, ReceiptState.DELIVERED), None)
    assert await parked(pool) == 0
    receipt = Receipt("a", ReceiptState.FAILED, "UNKNOWN.OTHER", odd, odd, 1 << 40)
    await arrivals.receipt(CARRIER, receipt, None)
    row = await pool.fetchrow("SELECT carrier_code, e164, reference FROM parked_receipt")
    assert row is not None and tuple(row) == (None, None, None)


async def test_what_could_not_be_stored_is_to_be_brought_again(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    arrivals, told = heard
    await pool.execute("ALTER TABLE parked_receipt RENAME TO parked_receipt_away")
    with pytest.raises(NotTaken):
        await arrivals.receipt(CARRIER, DELIVERED, None)
    await pool.execute("ALTER TABLE parked_receipt_away RENAME TO parked_receipt")
    await arrivals.receipt(CARRIER, DELIVERED, None)
    assert await parked(pool) == 1
    assert told == ["receipts"]


async def test_a_text_is_acted_on_when_it_is_taken(
    pool: Pool, heard: tuple[Arrivals, list[str]]
) -> None:
    _, (message,) = await submitting(pool)
    sender = await pool.fetchval("SELECT e164 FROM sending_number")
    arrivals, _ = heard
    await arrivals.text(CARRIER, Inbound(str(UUID(int=1)), message.phone, sender, "STOP"))
    assert await pool.fetchval("SELECT e164 FROM suppression") == message.phone
    await pool.execute("ALTER TABLE inbound_message RENAME TO inbound_message_away")
    with pytest.raises(NotTaken):
        await arrivals.text(CARRIER, Inbound(str(UUID(int=2)), message.phone, sender, "START"))
    await pool.execute("ALTER TABLE inbound_message_away RENAME TO inbound_message")
