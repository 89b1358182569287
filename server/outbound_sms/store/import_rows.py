"""Imports: what rows say is compared with what is stored, and only the difference is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from outbound_sms.domain.contact import ContactValues, RelatedEntity
from outbound_sms.domain.import_changes import ContactChange, ImportChanges, changes_of
from outbound_sms.domain.import_check import check_rows
from outbound_sms.domain.import_row import ImportRow, Refusal
from outbound_sms.domain.import_state import ImportState
from outbound_sms.domain.import_wanted import Wanted
from outbound_sms.domain.name_index import NameIndex
from outbound_sms.store import (
    accounts,
    companies,
    consent,
    contacts,
    message_categories,
    network_sites,
    phone_number_types,
    phone_numbers,
)
from outbound_sms.store.pool import Connection


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """Refusals of each row, in the order of the rows (none: it went in), and what was written."""

    refusals: tuple[tuple[Refusal, ...], ...]
    changes: ImportChanges


async def import_rows(
    db: Connection, instance_id: UUID, rows: Sequence[ImportRow], actor: str
) -> ImportOutcome:
    """Takes the rows in that can go in, within the caller's transaction.

    One import of an instance runs at a time. Rows that say what is stored already cause no write at
    all. Raises SerializationError when a contact or number changed while it was compared: roll back
    and repeat.
    """
    await accounts.lock_accounts(db, instance_id)
    await accounts.plan_for_many(db)
    state = await _read_state(db, instance_id, rows)
    refusals = check_rows(rows, state)
    accepted = [row for row, refused in zip(rows, refusals, strict=True) if not refused]
    await _add_names(db, instance_id, accepted, state)
    wanted = Wanted(accepted)
    ids = await accounts.new_ids(db, wanted.count_new(state))
    changes = changes_of(wanted, state, iter(ids))
    await _write(db, instance_id, changes, actor)
    return ImportOutcome(tuple(refusals), changes)


async def _read_state(db: Connection, instance_id: UUID, rows: Sequence[ImportRow]) -> ImportState:
    parents = {row.account["parent"] for row in rows if row.account.get("parent")}
    named = {row.account_number for row in rows} | parents
    stored = await accounts.find_accounts(db, instance_id, named)
    of_companies = await companies.list_names(db, instance_id)
    categories = await message_categories.list_all(db, instance_id)
    opting_in = {row.number.e164 for row in rows if row.number and row.consent.opt_in}
    recorded = {row.number.e164 for row in rows if row.number and row.consent.opt_in is not None}
    return ImportState(
        accounts=stored,
        parents=await accounts.find_ancestors(db, instance_id, named) if parents else {},
        contacts=tuple(
            await contacts.contacts_of_accounts(db, instance_id, (a.id for a in stored.values()))
        ),
        companies=NameIndex((name, id_) for name, id_, _ in of_companies),
        default_company_id=next((id_ for _, id_, default in of_companies if default), None),
        phone_number_types=NameIndex(await phone_number_types.list_names(db, instance_id)),
        network_sites=NameIndex(await network_sites.list_names(db, instance_id)),
        message_categories=NameIndex((c.name, c.id) for c in categories),
        default_category_ids=tuple(c.id for c in categories if c.is_default),
        suppressed=await phone_numbers.find_suppressed(db, instance_id, opting_in),
        opt_outs=await consent.find_opt_outs(db, instance_id, recorded),
    )


async def _add_names(
    db: Connection, instance_id: UUID, rows: Sequence[ImportRow], state: ImportState
) -> None:
    """Makes the sites and categories that rows name and that do not exist, in the state as well."""
    sites = _missing(state.network_sites, (row.account.get("network_sites") for row in rows))
    if sites:
        for site in await network_sites.upsert_network_sites(db, instance_id, sites):
            state.network_sites.add(site.name, site.id)
    categories = _missing(
        state.message_categories, (row.contact.get("message_categories") for row in rows)
    )
    if categories:
        await message_categories.add_categories(db, instance_id, categories)
        for category in await message_categories.list_all(db, instance_id):
            state.message_categories.add(category.name, category.id)


def _missing(index: NameIndex, lists: Iterable[Sequence[str] | None]) -> list[str]:
    """The names to make: of several spellings of one, the first."""
    made = NameIndex(())
    missing = []
    for name in (name for names in lists if names for name in names):
        if index.find(name) is None and made.find(name) is None:
            made.add(name, UUID(int=1))
            missing.append(name)
    return missing


async def _write(db: Connection, instance_id: UUID, changes: ImportChanges, actor: str) -> None:
    await accounts.insert_accounts(db, instance_id, changes.new_accounts)
    await accounts.update_accounts(db, instance_id, changes.changed_accounts)
    changed = [(c.id, c.version, c.values) for c in changes.changed_contacts]
    # Primary contacts that lose the flag are written here, before new ones are inserted.
    if not await contacts.update_contacts(db, instance_id, changed):
        raise asyncpg.SerializationError("a contact changed while it was compared")
    await contacts.insert_contacts(db, instance_id, list(map(_new_contact, changes.new_contacts)))
    await phone_numbers.insert_numbers(db, instance_id, changes.new_numbers)
    if not await phone_numbers.update_numbers(db, instance_id, changes.changed_numbers):
        raise asyncpg.SerializationError("a number changed while it was compared")
    await consent.record_events(db, instance_id, actor, changes.consent_events)


def _new_contact(contact: ContactChange) -> tuple[UUID, RelatedEntity, ContactValues]:
    return contact.id, RelatedEntity(account_id=contact.account_id), contact.values
