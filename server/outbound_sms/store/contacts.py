"""Contacts with their phone numbers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from outbound_sms.domain.contact import Contact, ContactPhoneNumber, ContactValues, RelatedEntity
from outbound_sms.domain.language import parse_language
from outbound_sms.store import phone_numbers
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("contacts")


async def insert_contacts(
    db: Connection,
    instance_id: UUID,
    contacts: Sequence[tuple[UUID, RelatedEntity, ContactValues]],
) -> None:
    """Inserts contacts under these ids; one that is primary must be the only one of its account."""
    if contacts:
        records = [_record(id_, 1, values) | _owner(owner) for id_, owner, values in contacts]
        await db.execute(_SQL["insert"], instance_id, json.dumps(records))


async def update_contacts(
    db: Connection, instance_id: UUID, contacts: Sequence[tuple[UUID, int, ContactValues]]
) -> bool:
    """Replaces the values of contacts that still have the version given with each.

    Contacts that are no longer primary are written before those that become it. False when one of
    them changed meanwhile: roll back, for the others have been written.
    """
    for primary in (False, True):
        part = [_record(*contact) for contact in contacts if contact[2].is_primary is primary]
        if part and len(await db.fetch(_SQL["update"], instance_id, json.dumps(part))) < len(part):
            return False
    return True


async def clear_primary(
    db: Connection, instance_id: UUID, account_id: UUID, kept: UUID | None
) -> None:
    """Takes the primary flag from the contacts of an account, except `kept`."""
    await db.execute(_SQL["clear_primary"], instance_id, account_id, kept)


async def get_contact(db: Database, instance_id: UUID, contact_id: UUID) -> Contact | None:
    """A contact with its numbers; None for one that is deleted as well."""
    row = await db.fetchrow(_SQL["get"], instance_id, contact_id)
    return (await _with_numbers(db, instance_id, [row]))[0] if row else None


async def lock_contact(db: Connection, instance_id: UUID, contact_id: UUID) -> Contact | None:
    """The same, and nobody else changes it until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, contact_id)
    return (await _with_numbers(db, instance_id, [row]))[0] if row else None


async def list_contacts(
    db: Database,
    instance_id: UUID,
    after: UUID | None,
    limit: int,
    *,
    account_id: UUID | None,
    e164: str | None,
) -> list[Contact]:
    """Contacts with an id after `after` that match every filter that is given, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, account_id, e164, limit)
    return await _with_numbers(db, instance_id, rows)


async def contacts_of_accounts(
    db: Database, instance_id: UUID, account_ids: Iterable[UUID]
) -> list[Contact]:
    """All contacts of these accounts, oldest first."""
    rows = await db.fetch(_SQL["of_accounts"], instance_id, list(account_ids))
    return await _with_numbers(db, instance_id, rows)


async def delete_contact(db: Connection, instance_id: UUID, contact_id: UUID) -> None:
    """Deletes the contact's numbers and marks it deleted; its name stays for sent messages."""
    await phone_numbers.delete_of_contact(db, instance_id, contact_id)
    await db.execute(_SQL["delete"], instance_id, contact_id)


async def _with_numbers(
    db: Database, instance_id: UUID, rows: Sequence[asyncpg.Record]
) -> list[Contact]:
    numbers: dict[UUID, list[ContactPhoneNumber]] = defaultdict(list)
    ids = [row["id"] for row in rows]
    for number in await phone_numbers.numbers_of_contacts(db, instance_id, ids):
        numbers[number.contact_id].append(number)
    return [_contact(row, tuple(numbers[row["id"]])) for row in rows]


def _record(id_: UUID, version: int, values: ContactValues) -> dict[str, object]:
    return {
        "id": str(id_),
        "version": version,
        "name": values.name,
        "role": values.role,
        "is_primary": values.is_primary,
        "language": values.language,
        "time_zone": values.time_zone,
        "email_address": values.email_address,
        "message_category_ids": [str(category) for category in values.message_category_ids],
    }


def _owner(owner: RelatedEntity) -> dict[str, object]:
    ids = {
        "account_id": owner.account_id,
        "network_site_id": owner.network_site_id,
        "vendor_id": owner.vendor_id,
    }
    return {column: None if id_ is None else str(id_) for column, id_ in ids.items()}


def _contact(row: asyncpg.Record, numbers: tuple[ContactPhoneNumber, ...]) -> Contact:
    values = ContactValues(
        name=row["name"],
        role=row["role"],
        is_primary=row["is_primary"],
        language=parse_language(row["language"]),
        time_zone=row["time_zone"],
        email_address=row["email_address"],
        message_category_ids=tuple(row["message_category_ids"]),
    )
    owner = RelatedEntity(row["account_id"], row["network_site_id"], row["vendor_id"])
    return Contact(row["id"], owner, values, row["version"], row["create_time"], numbers)
