"""Texts with what the ledger says of them, written straight into the tables."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.ledger import LedgerEntryKind as Kind
from outbound_sms.store.pool import Database
from tests.factories import Isp, add_account, add_contact

PRICE = 15_000
"""Of a text of one segment, in micros."""

ON_ITS_WAY = (Kind.HOLD,)
SENT = (Kind.HOLD, Kind.CAPTURE)
REFUSED = (Kind.HOLD, Kind.RELEASE)
NOT_CHARGED = (Kind.HOLD, Kind.CAPTURE, Kind.REFUND)
_STATUSES = {ON_ITS_WAY: 2, SENT: 3, REFUSED: 5, NOT_CHARGED: 5}

_MESSAGE = """
INSERT INTO message (instance_id, contact_id, sending_number_id, body_id, phone, billable_segments,
                     carrier_segments, kind, cost_micros, price_list_version, status)
VALUES ($1, $2, $3, new_id(), '+12125550177', $4, $4, 2, $5, 1, $6) RETURNING id
"""
_DISPATCH = """
INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, valid_until,
                      cost_micros, held)
SELECT id, instance_id, sending_number_id, 1, 1, now() + interval '1 hour', cost_micros, true
  FROM message WHERE id = $1
"""
_ENTRY = """
INSERT INTO ledger_entry (instance_id, kind, amount_micros, message_id, entry_time)
VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()))
"""
_UNFUNDED = """
INSERT INTO unfunded (message_id, instance_id, sending_number_id, priority, zones, segments,
                      cost_micros, valid_until)
SELECT id, instance_id, sending_number_id, 1, '', 1, cost_micros,
       clock_timestamp() + make_interval(secs => $2)
  FROM message WHERE id = $1
"""


class PaidTexts:
    """Adds texts of one instance."""

    def __init__(self, db: Database, isp: Isp, contact_id: UUID) -> None:
        self._db = db
        self._isp = isp
        self._contact_id = contact_id

    async def add(
        self,
        history: Sequence[Kind] = SENT,
        *,
        segments: int = 1,
        cost: int = PRICE,
        times: Sequence[datetime | None] = (),
    ) -> UUID:
        """A text with these entries, made at `times`; where there are fewer of them, now."""
        made = await self.add_without_entries(history, segments=segments, cost=cost)
        for number, kind in enumerate(history):
            await self.enter(made, kind, cost, times[number] if number < len(times) else None)
        return made

    async def add_without_entries(
        self, history: Sequence[Kind], *, segments: int = 1, cost: int = PRICE
    ) -> UUID:
        """A text that is to get these entries by `enter`."""
        made = await self._add_message(segments, cost, _STATUSES[tuple(history)])
        if history == ON_ITS_WAY:
            await self._db.execute(_DISPATCH, made)
        return made

    async def enter(self, text: UUID, kind: Kind, amount: int, moment: datetime | None) -> None:
        """An entry of a text, made now or at a moment."""
        await self._db.execute(_ENTRY, self._isp.instance_id, kind, amount, text, moment)

    async def add_unfunded(self, *, cost: int = PRICE, valid_seconds: float = 3600) -> UUID:
        """A text that could not be paid."""
        made = await self._add_message(1, cost, 6)
        await self._db.execute(_UNFUNDED, made, valid_seconds)
        return made

    async def forget_unfunded(self, message_id: UUID) -> None:
        """Takes a text from those that can be requeued, as if it had been."""
        await self._db.execute("DELETE FROM unfunded WHERE message_id = $1", message_id)

    async def _add_message(self, segments: int, cost: int, status: int) -> UUID:
        made: UUID = await self._db.fetchval(
            _MESSAGE,
            self._isp.instance_id,
            self._contact_id,
            self._isp.sending_number_id,
            segments,
            cost,
            status,
        )
        return made


async def paid_texts(db: Database, isp: Isp) -> PaidTexts:
    """Adds texts of the instance, to a contact of its own."""
    account = await add_account(db, isp, f"P-{await db.fetchval('SELECT new_id()')}")
    return PaidTexts(db, isp, await add_contact(db, isp, account))
