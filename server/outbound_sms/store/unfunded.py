"""Texts that could not be paid: what RequeueMessages puts back into the queue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("unfunded")


@dataclass(frozen=True, slots=True)
class UnfundedFilter:
    """What to requeue. None, or no ids, is any; `kind` is a number of the contract."""

    message_ids: Sequence[UUID] = ()
    mass_message_id: UUID | None = None
    kind: int | None = None


@dataclass(frozen=True, slots=True)
class Requeued:
    """What a call did. `cost_micros` is the price of those that wait again; `left` counts those
    that are not valid any more or were cancelled; `more`: not all that match were looked at.
    """

    requeued: int
    cost_micros: int
    left: int
    more: bool


@dataclass(frozen=True, slots=True)
class Funds:
    """Whether an instance sends at all, and the money that it can spend."""

    sms_enabled: bool
    currency: str
    available_micros: int


async def get_funds(db: Database, instance_id: UUID) -> Funds:
    """Those of an instance, which must exist."""
    row = await db.fetchrow(_SQL["funds"], instance_id)
    assert row is not None
    return Funds(**row)


async def find_messages(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are messages of the instance."""
    return {row["id"] for row in await db.fetch(_SQL["find_messages"], instance_id, list(ids))}


async def has_mass_message(db: Database, instance_id: UUID, mass_message_id: UUID) -> bool:
    """Whether the id is a mass message of the instance."""
    found: bool = await db.fetchval(_SQL["find_mass_message"], instance_id, mass_message_id)
    return found


async def requeue(
    connection: Connection, instance_id: UUID, wanted: UnfundedFilter, most: int
) -> Requeued:
    """Puts the oldest `most` that match back into the queue, each once, whoever else asks for it.

    Must run in a transaction. Mass messages are locked first and messages next, both in the order
    of their ids, and nothing else is waited for: a claim waits for neither. A finished mass message
    sends again, so that expiry and finish look after it; a paused one stays paused.
    """
    match = (instance_id, wanted.message_ids or None, wanted.mass_message_id, wanted.kind)
    await connection.execute(_SQL["plan_by_index"])
    locked = await connection.fetch(_SQL["lock_mass_messages"], *match, most)
    # A statement of its own: its snapshot is from after the wait for the locks.
    row = await connection.fetchrow(
        _SQL["requeue"],
        *match,
        [mass["id"] for mass in locked],
        [mass["id"] for mass in locked if mass["state"] == MassMessageState.CANCELLED],
        [mass["id"] for mass in locked if mass["state"] == MassMessageState.PAUSED],
        most,
    )
    assert row is not None
    if row["mass_message_ids"]:
        await connection.execute(_SQL["reopen"], instance_id, row["mass_message_ids"])
    more: bool = await connection.fetchval(_SQL["has_more"], *match)
    return Requeued(row["requeued"], row["cost_micros"], row["over"], more)
