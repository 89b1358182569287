"""Phone number types: what kind of line a number is."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import AlreadyExists, Reason, WrongState
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("phone_number_types")


@dataclass(frozen=True, slots=True)
class PhoneNumberType:
    """A type; only numbers of an SMS capable one are texted. `version` is its etag."""

    id: UUID
    name: str
    sms_capable: bool
    version: int


async def create_type(
    db: Database, instance_id: UUID, name: str, sms_capable: bool
) -> PhoneNumberType:
    """Inserts a type. Raises AlreadyExists with NAME_TAKEN."""
    with _translated(name):
        return _type(await db.fetchrow(_SQL["insert"], instance_id, name, sms_capable))


async def lock_type(db: Connection, instance_id: UUID, type_id: UUID) -> PhoneNumberType | None:
    """A type that nobody else changes until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, type_id)
    return _type(row) if row else None


async def update_type(
    db: Connection, instance_id: UUID, wanted: PhoneNumberType
) -> PhoneNumberType:
    """Writes a type that `lock_type` returned. Raises AlreadyExists with NAME_TAKEN."""
    with _translated(wanted.name):
        return _type(
            await db.fetchrow(
                _SQL["update"], instance_id, wanted.id, wanted.name, wanted.sms_capable
            )
        )


async def list_types(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[PhoneNumberType]:
    """Types with an id after `after`, oldest first."""
    return [_type(row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def list_names(db: Database, instance_id: UUID) -> list[tuple[str, UUID]]:
    """Name and id of every type, oldest first."""
    rows = await db.fetch(_SQL["list_names"], instance_id)
    return [(row["name"], row["id"]) for row in rows]


async def find_existing(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are types of the instance."""
    rows = await db.fetch(_SQL["which_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}


async def delete_type(db: Connection, instance_id: UUID, type_id: UUID) -> bool:
    """Deletes a type; False when there is none. Raises WrongState with IN_USE."""
    with translate({"phone_number_type_fk": _in_use}):
        return await db.fetchval(_SQL["delete"], instance_id, type_id) is not None


def _type(row: asyncpg.Record | None) -> PhoneNumberType:
    if row is None:
        raise RuntimeError("a statement that returns its row returned none")
    return PhoneNumberType(row["id"], row["name"], row["sms_capable"], row["version"])


def _translated(name: str) -> AbstractContextManager[None]:
    return translate({"phone_number_type_name_unique": lambda: _name_taken(name)})


def _name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        Reason.NAME_TAKEN, "A phone number type has this name; choose another.", name=name
    )


def _in_use() -> WrongState:
    return WrongState(
        Reason.IN_USE,
        "Phone numbers have this type; give them another type first.",
        used_by="phone number",
    )
