"""What pausing, resuming, cancelling and finishing a mass message do to the queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.domain.quiet_hours import QuietHours
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.quiet_hours import quiet_hours_of

_SQL = sql.load("mass_control")


@dataclass(frozen=True, slots=True)
class Controlled:
    """A mass message as it stands, locked. `expired`: its texts may not be handed over any more."""

    id: UUID
    instance_id: UUID
    sending_number_id: UUID
    state: MassMessageState
    expanded: bool
    queue_settled: bool
    expired: bool


@dataclass(frozen=True, slots=True)
class Position:
    """The last queue row of a chunk, after which the next one starts."""

    due_time: datetime
    message_id: UUID


@dataclass(frozen=True, slots=True)
class Expired:
    """A text whose validity has passed, with what quiet hours may have held it by until then.

    `zones` is the key of `RecipientZone`, empty for what quiet hours never hold; `hours` and
    `time_zone` are the instance's.
    """

    hours: QuietHours | None
    time_zone: str
    message_id: UUID
    zones: str
    valid_until: datetime


FIRST_ID = UUID(int=0)
FIRST_POSITION = Position(datetime.min.replace(tzinfo=UTC), FIRST_ID)


async def list_due(db: Database) -> list[UUID]:
    """The mass messages that the queue has to hear of."""
    return [row["id"] for row in await db.fetch(_SQL["list_due"])]


async def lock(connection: Connection, mass_message_id: UUID) -> Controlled | None:
    """The mass message, locked until the transaction ends; None when it is taken or over."""
    await connection.fetchval(_SQL["plan_for_values"])
    row = await connection.fetchrow(_SQL["lock"], mass_message_id)
    if row is None:
        return None
    return Controlled(**{**row, "state": MassMessageState(row["state"])})


async def park(
    connection: Connection, mass: Controlled, after: Position, most: int
) -> tuple[int, Position]:
    """Sets up to `most` ready rows aside; how many, and where the next chunk starts."""
    rows = await connection.fetch(
        _SQL["park"],
        mass.instance_id,
        mass.sending_number_id,
        mass.id,
        after.due_time,
        after.message_id,
        most,
    )
    return len(rows), Position(**rows[-1]) if rows else after


async def unpark(
    connection: Connection, mass: Controlled, after: UUID, most: int
) -> tuple[int, UUID]:
    """Puts up to `most` parked rows back; how many, and where the next chunk starts."""
    rows = await connection.fetch(
        _SQL["unpark"], mass.instance_id, mass.sending_number_id, mass.id, after, most
    )
    return len(rows), rows[-1]["message_id"] if rows else after


async def settle_queue(connection: Connection, mass_message_id: UUID) -> None:
    """Records that the state of the mass message has reached all its rows."""
    await connection.execute(_SQL["settle_queue"], mass_message_id)


async def fail_ready(connection: Connection, mass_message_id: UUID, reason: str, most: int) -> int:
    """Fails up to `most` texts that wait in the queue, with `reason` (GROUP.CODE); how many."""
    failed: int = await connection.fetchval(_SQL["fail_ready"], mass_message_id, reason, most)
    return failed


async def list_expired(db: Database, most: int) -> list[Expired]:
    """Up to `most` texts of no mass message whose validity has passed and that nobody has."""
    rows = await db.fetch(_SQL["list_expired"], most)
    return [Expired(quiet_hours_of(*row[:3]), *row[3:]) for row in rows]


async def fail_expired(db: Database, reasons: Mapping[UUID, str]) -> int:
    """Fails those texts that still wait, each with its reason (GROUP.CODE); how many."""
    failed: int = await db.fetchval(_SQL["fail_expired"], list(reasons), list(reasons.values()))
    return failed


async def finish(connection: Connection, mass_message_id: UUID) -> bool:
    """Ends the mass message if nothing of it is left in the queue; whether it did."""
    return await connection.fetchval(_SQL["finish"], mass_message_id) is not None
