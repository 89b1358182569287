"""Phone numbers of contacts."""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from outbound_sms.domain.contact import ContactPhoneNumber
from outbound_sms.domain.errors import AlreadyExists, Reason
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("phone_numbers")


async def insert_numbers(
    db: Connection, instance_id: UUID, numbers: Sequence[ContactPhoneNumber]
) -> None:
    """Inserts numbers under their ids. Raises AlreadyExists when a contact has one already."""
    if numbers:
        with translate({"phone_number_unique": _taken}):
            await db.execute(_SQL["insert"], instance_id, _records(numbers))


async def update_numbers(
    db: Connection, instance_id: UUID, numbers: Sequence[ContactPhoneNumber]
) -> bool:
    """Writes extension, type and opt-in of numbers that still have their version.

    False when one of them changed meanwhile: roll back, for the others have been written.
    """
    if not numbers:
        return True
    return len(await db.fetch(_SQL["update"], instance_id, _records(numbers))) == len(numbers)


async def numbers_of_contacts(
    db: Database, instance_id: UUID, contact_ids: Iterable[UUID]
) -> list[ContactPhoneNumber]:
    """All numbers of these contacts, oldest first."""
    rows = await db.fetch(_SQL["of_contacts"], instance_id, list(contact_ids))
    return [_number(row, suppressed=row["suppressed"]) for row in rows]


async def lock_number(
    db: Connection, instance_id: UUID, phone_number_id: UUID
) -> ContactPhoneNumber | None:
    """A number that nobody else changes until the transaction ends, STOP included."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, phone_number_id)
    if row is None:
        return None
    suppressed = await find_suppressed(db, instance_id, [row["e164"]])
    return _number(row, suppressed=bool(suppressed))


async def find_suppressed(db: Database, instance_id: UUID, numbers: Iterable[str]) -> set[str]:
    """Those of the E.164 numbers that replied STOP, so that the instance may not text them."""
    rows = await db.fetch(_SQL["suppressed"], instance_id, list(numbers))
    return {row["e164"] for row in rows}


async def delete_number(db: Connection, instance_id: UUID, phone_number_id: UUID) -> bool:
    """Deletes a number; False when there is none."""
    return await db.fetchval(_SQL["delete"], instance_id, phone_number_id) is not None


async def delete_of_contact(db: Connection, instance_id: UUID, contact_id: UUID) -> None:
    """Deletes all numbers of a contact."""
    await db.execute(_SQL["delete_of_contact"], instance_id, contact_id)


def _records(numbers: Sequence[ContactPhoneNumber]) -> str:
    return json.dumps(
        [
            {
                "id": str(number.id),
                "contact_id": str(number.contact_id),
                "e164": number.e164,
                "country": number.country,
                "extension": number.extension,
                "phone_number_type_id": str(number.phone_number_type_id),
                "sms_opt_in": number.sms_opt_in,
                "version": number.version,
            }
            for number in numbers
        ]
    )


def _number(row: asyncpg.Record, *, suppressed: bool) -> ContactPhoneNumber:
    return ContactPhoneNumber(
        id=row["id"],
        contact_id=row["contact_id"],
        e164=row["e164"],
        country=row["country"],
        extension=row["extension"],
        phone_number_type_id=row["phone_number_type_id"],
        sms_opt_in=row["sms_opt_in"],
        suppressed=suppressed,
        version=row["version"],
    )


def _taken() -> AlreadyExists:
    return AlreadyExists(
        Reason.PHONE_NUMBER_TAKEN, "The contact has this number already; update that one."
    )
