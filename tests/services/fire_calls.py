"""An ISP whose subscribers are told of invoices, and calls that fire events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2 as pb
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.factories import (
    Isp,
    add_account,
    add_category,
    add_contact,
    add_number,
    make_isp,
    make_triggered_message,
)
from tests.services.running import Stubs

INVOICE_DUE = "INVOICE_DUE_IN_X_DAYS"
PAYMENT = "PAYMENT_SUCCESS"
JOB = "JOB_SCHEDULED"
VARIABLES = {"AMOUNT_DUE": "45.10", "DUE_DATE": "2027-03-01"}


@dataclass(slots=True)
class Subscribers:
    """An ISP with account 1001, whose contact Ada Moreau has a category and an opted-in number.

    `message_id` is a triggered message for invoices that are due in 5 days.
    """

    pool: Pool
    isp: Isp
    category_id: UUID
    account_id: UUID
    contact_id: UUID
    phone_number_id: UUID
    message_id: UUID

    async def add_account(self, number: str, phone: str, **columns: Any) -> UUID:
        """An account with a contact of the category, who can be texted."""
        account = await add_account(self.pool, self.isp, number, **columns)
        await self.add_contact(account, phone)
        return account

    async def add_contact(self, account: UUID, *phones: str, **columns: Any) -> UUID:
        """A contact of the category, who can be texted on these numbers."""
        values = {"message_category_ids": [self.category_id], **columns}
        contact = await add_contact(self.pool, self.isp, account, **values)
        for phone in phones:
            await add_number(self.pool, self.isp, contact, phone)
        return contact

    async def add_triggered_message(self, trigger_type: str = INVOICE_DUE, **columns: Any) -> UUID:
        """A triggered message, enabled, of the category; for 5 days where that is its unit."""
        values = {"message_category_ids": [self.category_id], **columns}
        if trigger_type == INVOICE_DUE:
            values.setdefault("count", 5)
        return await make_triggered_message(self.pool, self.isp, trigger_type, **values)

    async def texts(self) -> list[Any]:
        """Every text, in the order in which they were made, with its body."""
        return await self.pool.fetch(
            "SELECT m.*, b.text, b.language FROM message m JOIN body b ON b.id = m.body_id "
            "ORDER BY m.id"
        )

    async def count(self, table: str = "message") -> int:
        """Rows of a table."""
        found: int = await self.pool.fetchval(f"SELECT count(*) FROM {table}")
        return found


async def make_subscribers(
    pool: Pool, instance_id: UUID, sender: str = "+12125550100"
) -> Subscribers:
    """The ISP in an instance."""
    isp = await make_isp(pool, instance_id=instance_id, sender=sender)
    await pool.execute(
        "UPDATE signature SET triggered_default = true, template = 1 WHERE id = $1",
        isp.signature_id,
    )
    category = await add_category(pool, isp, "Billing")
    account = await add_account(pool, isp, "1001", name="Moreau Family")
    contact = await add_contact(
        pool, isp, account, is_primary=True, message_category_ids=[category]
    )
    number = await add_number(pool, isp, contact, "+12125550101")
    message = await make_triggered_message(
        pool, isp, INVOICE_DUE, count=5, message_category_ids=[category]
    )
    return Subscribers(pool, isp, category, account, contact, number, message)


def event(key: str = "invoice 1", **fields: Any) -> pb.TriggerEvent:
    """An invoice of account 1001 that is due in 5 days, unless `fields` say otherwise."""
    values: dict[str, Any] = {"trigger_type": INVOICE_DUE, "event_key": key, **fields}
    if "account_id" not in values:
        values.setdefault("account_number", "1001")
    if values["trigger_type"] == INVOICE_DUE:
        values.setdefault("count", 5)
        values.setdefault("variables", VARIABLES)
    return pb.TriggerEvent(**values)


async def fire(stub: Stubs, key: str = "invoice 1", **fields: Any) -> pb.FireResult:
    """What an event came to."""
    request = pb.FireTriggerRequest(event=event(key, **fields))
    response: pb.FireTriggerResponse = await stub(TriggersStub).FireTrigger(request)
    return response.result


async def fire_stream(
    stub: Stubs, *requests: Sequence[pb.TriggerEvent]
) -> list[list[pb.FireAnswer]]:
    """The answers to each request of one stream."""

    async def send() -> Any:
        for events in requests:
            yield pb.FireTriggersRequest(events=events)

    call = stub(TriggersStub).FireTriggers(send())
    return [list(response.answers) async for response in call]


def outcomes(result: pb.FireResult) -> list[int]:
    """The outcomes of the triggered messages, oldest first."""
    return [each.outcome for each in result.triggered_messages]


def message_ids(result: pb.FireResult) -> list[str]:
    """The texts of all triggered messages."""
    return [each for outcome in result.triggered_messages for each in outcome.message_ids]
