"""Messages that were sent, written straight into the tables with all that shows of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from outbound_sms.domain.segments import count_segments
from outbound_sms.store.pool import Pool
from tests.factories import Isp, add_account, add_contact, make_isp

_BODY = """
INSERT INTO body (instance_id, language, text, encoding, characters, billable_segments,
                  carrier_segments)
VALUES ($1, 'en', $2, $3, $4, 1, 1) RETURNING id
"""

_MESSAGE = """
WITH made AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id,
                       body_id, phone, billable_segments, carrier_segments, kind, cost_micros,
                       create_time, triggered_message_id, recipient_zones, zone_source)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 2, 1, $8, 30000, coalesce($9, clock_timestamp()), $10, $11,
          $12)
  RETURNING instance_id, id, mass_message_id)
INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
                          previous_status)
SELECT instance_id, id, mass_message_id, 1, 1, 0 FROM made RETURNING message_id
"""

_ATTEMPT = """
INSERT INTO attempt (message_id, number, carrier, outcome, carrier_message_id, reason, carrier_code,
                     submit_time)
VALUES ($1, $2, 'sandbox', $3, $4, $5, $6, now())
"""


@dataclass(slots=True)
class Outbox:
    """An ISP with one subscriber, and what was sent to them."""

    pool: Pool
    isp: Isp
    account_id: UUID
    contact_id: UUID
    sent: list[UUID] = field(default_factory=list)

    async def add(
        self,
        *,
        phone: str = "+12125550101",
        text: str = "Outage in your area.",
        mass_message_id: UUID | None = None,
        kind: int = 1,
        contact_id: UUID | None = None,
        account_id: UUID | None = None,
        create_time: datetime | None = None,
        triggered_message_id: UUID | None = None,
        recipient_zones: str | None = None,
        zone_source: int | None = None,
    ) -> UUID:
        """A pending message with its body."""
        counted = count_segments(text)
        body = await self.pool.fetchval(
            _BODY, self.isp.instance_id, text, counted.encoding, counted.characters
        )
        message: UUID = await self.pool.fetchval(
            _MESSAGE,
            self.isp.instance_id,
            mass_message_id,
            account_id or self.account_id,
            contact_id or self.contact_id,
            self.isp.sending_number_id,
            body,
            phone,
            kind,
            create_time,
            triggered_message_id,
            recipient_zones,
            zone_source,
        )
        self.sent.append(message)
        return message

    async def add_reply(self, **options: Any) -> UUID:
        """A pending answer to a keyword of somebody who is no contact; it is free."""
        message = await self.add(kind=3, **options)
        await self.pool.execute(
            "UPDATE message SET contact_id = NULL, account_id = NULL, cost_micros = 0 "
            "WHERE id = $1",
            message,
        )
        return message

    async def add_triggered(
        self, recipient_zones: str = "*", zone_source: int = 4, **options: Any
    ) -> UUID:
        """A pending triggered message; the zones are those of its recipient."""
        options.setdefault("triggered_message_id", uuid4())
        return await self.add(
            kind=2, recipient_zones=recipient_zones, zone_source=zone_source, **options
        )

    async def add_attempt(
        self,
        message: UUID,
        number: int,
        outcome: int,
        *,
        carrier_message_id: str | None = None,
        reason: str | None = None,
        carrier_code: str | None = None,
    ) -> None:
        """What the carrier answered."""
        await self.pool.execute(
            _ATTEMPT, message, number, outcome, carrier_message_id, reason, carrier_code
        )


async def make_outbox(pool: Pool, instance_id: UUID, sender: str = "+12125550100") -> Outbox:
    """An ISP in an instance, with the subscriber Ada Moreau."""
    isp = await make_isp(pool, instance_id=instance_id, sender=sender)
    account = await add_account(pool, isp, "1001", name="Moreau Family")
    contact = await add_contact(pool, isp, account, "Ada Moreau", role="Owner")
    return Outbox(pool, isp, account, contact)
