"""Contacts: created, read, changed and deleted one at a time."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.contact import Contact, ContactPhoneNumber, ContactValues
from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import contact_fields, phone_number_fields
from outbound_sms.services.contact_fields import NewContact
from outbound_sms.services.missing import check_all_exist, check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import (
    accounts,
    contacts,
    message_categories,
    network_sites,
    phone_number_types,
    phone_numbers,
    vendors,
)
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import contacts_pb2 as pb


class PeopleMethods:
    """The part of `outboundsms.v1.Contacts` about contacts themselves."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreateContact(
        self, request: pb.CreateContactRequest, context: Any
    ) -> pb.CreateContactResponse:
        violations = Violations()
        given = contact_fields.read_new(violations, request.contact)
        violations.raise_if_any()
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateContactResponse:
            await accounts.lock_accounts(db, instance_id)
            await _check_new(db, instance_id, given)
            contact_id = await _create(db, instance_id, given)
            contact = await _get(db, instance_id, contact_id)
            return pb.CreateContactResponse(contact=contact_fields.show(contact))

        return await self._once.run(request, pb.CreateContactResponse, work)

    async def GetContact(
        self, request: pb.GetContactRequest, context: Any
    ) -> pb.GetContactResponse:
        violations = Violations()
        contact_id = parse_id(violations, "contact_id", request.contact_id)
        violations.raise_if_any()
        assert contact_id is not None
        contact = await _get(self._pool, current_caller().instance_id, contact_id)
        return pb.GetContactResponse(contact=contact_fields.show(contact))

    async def ListContacts(
        self, request: pb.ListContactsRequest, context: Any
    ) -> pb.ListContactsResponse:
        violations = Violations()
        account_id = parse_id(violations, "account_id", request.account_id, required=False)
        e164 = phone_number_fields.read_filter(violations, "number", request.number)
        violations.raise_if_any()
        fetch = partial(
            contacts.list_contacts,
            self._pool,
            current_caller().instance_id,
            account_id=account_id,
            e164=e164,
        )
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListContactsResponse(
            contacts=map(contact_fields.show, found), next_page_token=token
        )

    async def UpdateContact(
        self, request: pb.UpdateContactRequest, context: Any
    ) -> pb.UpdateContactResponse:
        violations = Violations()
        contact_id = parse_id(violations, "contact.contact_id", request.contact.contact_id)
        etag = parse_etag(violations, request.contact.etag, "contact.etag")
        fields = read_mask(violations, request.update_mask, contact_fields.CHANGEABLE)
        contact_fields.read_values(violations, request.contact, fields, ContactValues(""))
        violations.raise_if_any()
        assert contact_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdateContactResponse:
            await accounts.lock_accounts(db, instance_id)
            stored = await contacts.lock_contact(db, instance_id, contact_id)
            if stored is None:
                raise not_found(Reason.CONTACT_NOT_FOUND, "contact", contact_id)
            check_etag(etag, stored.version)
            values = contact_fields.read_values(
                Violations(), request.contact, fields, stored.values
            )
            await _check_categories(db, instance_id, values)
            await _take_primary(db, instance_id, stored.related.account_id, stored.id, values)
            await contacts.update_contacts(db, instance_id, [(stored.id, stored.version, values)])
            updated = replace(stored, values=values, version=stored.version + 1)
            return pb.UpdateContactResponse(contact=contact_fields.show(updated))

        return await self._once.run(request, pb.UpdateContactResponse, work)

    async def DeleteContact(
        self, request: pb.DeleteContactRequest, context: Any
    ) -> pb.DeleteContactResponse:
        violations = Violations()
        contact_id = parse_id(violations, "contact_id", request.contact_id)
        etag = parse_etag(violations, request.etag)
        violations.raise_if_any()
        assert contact_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.DeleteContactResponse:
            await accounts.lock_accounts(db, instance_id)
            stored = await contacts.lock_contact(db, instance_id, contact_id)
            if stored is None:
                raise not_found(Reason.CONTACT_NOT_FOUND, "contact", contact_id)
            check_etag(etag, stored.version)
            await contacts.delete_contact(db, instance_id, contact_id)
            return pb.DeleteContactResponse()

        return await self._once.run(request, pb.DeleteContactResponse, work)


async def _get(db: Pool | Connection, instance_id: UUID, contact_id: UUID) -> Contact:
    contact = await contacts.get_contact(db, instance_id, contact_id)
    if contact is None:
        raise not_found(Reason.CONTACT_NOT_FOUND, "contact", contact_id)
    return contact


async def _check_new(db: Connection, instance_id: UUID, given: NewContact) -> None:
    """Raises NotFound for the first id in the new contact that is not of the instance."""
    related = given.related
    if related.account_id:
        if await accounts.get_account(db, instance_id, related.account_id) is None:
            raise not_found(Reason.ACCOUNT_NOT_FOUND, "account", related.account_id)
    elif related.network_site_id:
        site_ids = [related.network_site_id]
        found = await network_sites.find_existing(db, instance_id, site_ids)
        check_all_exist(Reason.NETWORK_SITE_NOT_FOUND, "network site", site_ids, found)
    elif related.vendor_id:
        vendor_ids = [related.vendor_id]
        found = await vendors.find_existing(db, instance_id, vendor_ids)
        check_all_exist(Reason.VENDOR_NOT_FOUND, "vendor", vendor_ids, found)
    await _check_categories(db, instance_id, given.values)
    types = [number.phone_number_type_id for number in given.numbers]
    found = await phone_number_types.find_existing(db, instance_id, types)
    check_all_exist(Reason.PHONE_NUMBER_TYPE_NOT_FOUND, "phone number type", types, found)


async def _check_categories(db: Connection, instance_id: UUID, values: ContactValues) -> None:
    wanted = values.message_category_ids
    if wanted:
        found = await message_categories.find_existing(db, instance_id, wanted)
        check_all_exist(Reason.MESSAGE_CATEGORY_NOT_FOUND, "message category", wanted, found)


async def _create(db: Connection, instance_id: UUID, given: NewContact) -> UUID:
    values = given.values
    if not given.names_categories:
        defaults = await message_categories.list_default_ids(db, instance_id)
        values = replace(values, message_category_ids=defaults)
    contact_id, *number_ids = await accounts.new_ids(db, 1 + len(given.numbers))
    await _take_primary(db, instance_id, given.related.account_id, contact_id, values)
    await contacts.insert_contacts(db, instance_id, [(contact_id, given.related, values)])
    added = [
        ContactPhoneNumber(
            id=number_id,
            contact_id=contact_id,
            e164=number.e164,
            country=number.country,
            extension=number.extension,
            phone_number_type_id=number.phone_number_type_id,
            sms_opt_in=False,
            suppressed=False,
            version=1,
        )
        for number_id, number in zip(number_ids, given.numbers, strict=True)
    ]
    await phone_numbers.insert_numbers(db, instance_id, added)
    return contact_id


async def _take_primary(
    db: Connection,
    instance_id: UUID,
    account_id: UUID | None,
    contact_id: UUID,
    values: ContactValues,
) -> None:
    """Takes the flag from the account's other contacts; those of sites and vendors may share it."""
    if values.is_primary and account_id is not None:
        await contacts.clear_primary(db, instance_id, account_id, contact_id)
