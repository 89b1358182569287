"""Mass messages: what was accepted, where it stands, and how its texts fare."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outbound_sms.domain.audience import Audience, parse_audience
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.domain.saved_messages import SavedMessageKey
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("mass_messages")


@dataclass(frozen=True, slots=True)
class AcceptedMassMessage:
    """What was asked for, with the defaults filled in."""

    saved_message: SavedMessageKey
    signature_id: UUID
    sending_number_id: UUID
    outage_start_time: datetime
    outage_end_time: datetime | None
    audience: Audience
    valid_for: timedelta
    resend_unknown_outcome: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Texts by status, as far as the feed has come."""

    pending: int
    in_progress: int
    sent: int
    delivered: int
    failed: int
    insufficient_funds: int

    @property
    def total(self) -> int:
        return self.outstanding + self.handed_over + self.failed + self.insufficient_funds

    @property
    def outstanding(self) -> int:
        """Texts whose hand-over is still to come, or not known to be over."""
        return self.pending + self.in_progress

    @property
    def handed_over(self) -> int:
        """Texts that a carrier has, and has not given up."""
        return self.sent + self.delivered


@dataclass(frozen=True, slots=True)
class MassMessage:
    """A mass message. `recipients` are the texts made so far, `segments` their carrier segments;
    `number_rate` is how many segments per second its sending number may send.
    """

    id: UUID
    accepted: AcceptedMassMessage
    state: MassMessageState
    expanded: bool
    recipients: int
    segments: int
    number_rate: float
    counts: Counts
    create_time: datetime
    finish_time: datetime | None

    @property
    def segments_each(self) -> float:
        """Carrier segments of a text, on average; 0 while there are none."""
        return self.segments / self.recipients if self.recipients else 0.0


async def find_default_sending_number(db: Database, instance_id: UUID) -> UUID | None:
    """The instance's default sending number, if it is enabled."""
    found: UUID | None = await db.fetchval(_SQL["default_sending_number"], instance_id)
    return found


async def insert_mass_message(
    db: Connection, instance_id: UUID, accepted: AcceptedMassMessage, price_list_version: int
) -> UUID:
    """Stores a mass message that waits for its expansion; returns its id.

    Its texts keep the prices of `price_list_version`, whenever they are made.
    """
    made: UUID = await db.fetchval(
        _SQL["insert"],
        instance_id,
        accepted.saved_message.name,
        accepted.signature_id,
        accepted.sending_number_id,
        accepted.outage_start_time,
        accepted.outage_end_time,
        accepted.audience.to_json(),
        accepted.resend_unknown_outcome,
        accepted.valid_for,
        price_list_version,
    )
    return made


async def get_mass_message(
    db: Database, instance_id: UUID, mass_message_id: UUID
) -> MassMessage | None:
    """One mass message."""
    row = await db.fetchrow(_SQL["get"], instance_id, mass_message_id)
    return _mass_message(row) if row else None


async def list_mass_messages(
    db: Database, instance_id: UUID, before: UUID | None, limit: int
) -> list[MassMessage]:
    """Mass messages with an id before `before`, newest first."""
    return [_mass_message(row) for row in await db.fetch(_SQL["list"], instance_id, before, limit)]


async def count_sent_lately(
    db: Database, instance_id: UUID, mass_message_ids: Iterable[UUID], seconds: float
) -> dict[UUID, int]:
    """Texts that carriers accepted within the last `seconds`, by mass message; none, no entry."""
    ids = list(mass_message_ids)
    if not ids:
        return {}
    rows = await db.fetch(_SQL["sent_lately"], instance_id, ids, seconds)
    return {row["mass_message_id"]: row["messages"] for row in rows}


async def lock_state(
    db: Connection, instance_id: UUID, mass_message_id: UUID
) -> tuple[MassMessageState, bool] | None:
    """The state, and whether every recipient has a text; locked until the transaction ends."""
    row = await db.fetchrow(_SQL["lock_state"], instance_id, mass_message_id)
    return (MassMessageState(row["state"]), row["expanded"]) if row else None


async def set_state(
    db: Connection, instance_id: UUID, mass_message_id: UUID, state: MassMessageState
) -> None:
    """Writes the state of a mass message that `lock_state` returned."""
    await db.execute(_SQL["set_state"], instance_id, mass_message_id, state)


def _mass_message(row: asyncpg.Record) -> MassMessage:
    accepted = AcceptedMassMessage(
        saved_message=SavedMessageKey[row["saved_message"]],
        signature_id=row["signature_id"],
        sending_number_id=row["sending_number_id"],
        outage_start_time=row["outage_start_time"],
        outage_end_time=row["outage_end_time"],
        audience=parse_audience(row["audience_text"]),
        valid_for=row["valid_until"] - row["create_time"],
        resend_unknown_outcome=row["resend_unknown_outcome"],
    )
    counts = Counts(
        pending=row["pending"],
        in_progress=row["in_progress"],
        sent=row["sent"],
        delivered=row["delivered"],
        failed=row["failed"],
        insufficient_funds=row["insufficient_funds"],
    )
    return MassMessage(
        id=row["id"],
        accepted=accepted,
        state=MassMessageState(row["state"]),
        expanded=row["expanded"],
        recipients=row["recipients"],
        segments=row["segments"],
        number_rate=row["number_rate"],
        counts=counts,
        create_time=row["create_time"],
        finish_time=row["finish_time"],
    )
