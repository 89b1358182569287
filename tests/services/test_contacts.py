"""Contacts, phone numbers and consent, through real stubs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb
from outboundsms.v1 import directory_pb2
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.language_pb2 import LANGUAGE_FR
from tests.services.directory_calls import (
    NOBODY,
    make_account,
    make_company,
    make_contact,
    make_type,
)
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode


async def make_number(
    stub: Stubs, number: str = "+12125550101", key: str | None = None
) -> pb.PhoneNumber:
    """A number of a new contact of a new account of a new company."""
    await make_company(stub, f"Company {number}", key)
    account_id = await make_account(stub, f"A{number}", key)
    phone = pb.PhoneNumber(
        number=number, phone_number_type_id=await make_type(stub, f"Type {number}", key)
    )
    contact = await make_contact(stub, account_id, key=key, phone_numbers=[phone])
    return contact.phone_numbers[0]


def opt_in(number: pb.PhoneNumber, *, agreed: bool = True, **fields: Any) -> pb.SetSmsOptInRequest:
    values: dict[str, Any] = {"source": pb.CONSENT_SOURCE_WEB, "evidence": "I agree"} | fields
    return pb.SetSmsOptInRequest(
        phone_number_id=number.phone_number_id, sms_opt_in=agreed, **values
    )


async def events(stub: Stubs, **filters: Any) -> list[pb.ConsentEvent]:
    request = pb.ListConsentEventsRequest(**filters)
    return list((await stub(ContactsStub).ListConsentEvents(request)).consent_events)


async def test_a_contact_comes_back_as_it_was_created(stub: Stubs) -> None:
    await make_company(stub)
    account_id = await make_account(stub)
    mobile = await make_type(stub)
    made = await make_contact(
        stub,
        account_id,
        " Zoé Côté ",
        role="Owner",
        primary=True,
        language=LANGUAGE_FR,
        time_zone="America/Toronto",
        email_address="zoe@example.com",
        phone_numbers=[
            pb.PhoneNumber(number="(416) 555-0123 x12", phone_number_type_id=mobile),
            pb.PhoneNumber(
                number="020 7946 0123", country="GB", phone_number_type_id=mobile, sms_opt_in=True
            ),
        ],
    )
    found = await stub(ContactsStub).GetContact(pb.GetContactRequest(contact_id=made.contact_id))
    assert found.contact == made
    assert (made.name, made.account_id, made.etag) == ("Zoé Côté", account_id, "1")
    canadian, british = made.phone_numbers
    assert (canadian.number, canadian.country, canadian.extension) == ("+14165550123", "CA", "12")
    assert (british.number, british.country) == ("+442079460123", "GB")
    assert not british.sms_opt_in


async def test_everything_wrong_with_a_contact_is_said_at_once(stub: Stubs) -> None:
    contact = pb.Contact(
        role="r" * 101,
        time_zone="Mars/Olympus",
        email_address="nobody",
        message_category_ids=["7"],
        phone_numbers=[
            pb.PhoneNumber(number="212-555-CALL", phone_number_type_id=NOBODY, extension="x"),
            pb.PhoneNumber(number="+12125550101", phone_number_type_id=NOBODY),
            pb.PhoneNumber(number="212 555 0101", country="USA", phone_number_type_id=""),
        ],
    )
    told = await failure(stub(ContactsStub).CreateContact(pb.CreateContactRequest(contact=contact)))
    assert told.code is Code.INVALID_ARGUMENT
    assert told.violations.keys() == {
        "contact.related_entity",
        "contact.name",
        "contact.role",
        "contact.time_zone",
        "contact.email_address",
        "contact.message_category_ids[0]",
        "contact.phone_numbers[0].number",
        "contact.phone_numbers[0].extension",
        "contact.phone_numbers[2].number",
        "contact.phone_numbers[2].country",
        "contact.phone_numbers[2].phone_number_type_id",
    }
    assert "555" not in str(told.violations.values()).replace("+12125550101", "")


@pytest.mark.parametrize("count", [21, 10_000])
async def test_a_contact_has_at_most_20_numbers(stub: Stubs, count: int) -> None:
    numbers = [pb.PhoneNumber(number="x")] * count
    contact = pb.Contact(account_id=NOBODY, name="Ada", phone_numbers=numbers)
    told = await failure(stub(ContactsStub).CreateContact(pb.CreateContactRequest(contact=contact)))
    assert told.violations.keys() == {"contact.phone_numbers"}


async def test_contacts_of_sites_and_vendors(stub: Stubs) -> None:
    directory, contacts = stub(DirectoryStub), stub(ContactsStub)
    sites = directory_pb2.UpsertNetworkSitesRequest(names=["North"])
    site_id = (await directory.UpsertNetworkSites(sites)).network_sites[0].network_site_id
    vendors = directory_pb2.UpsertVendorsRequest(names=["Cable Co"])
    vendor_id = (await directory.UpsertVendors(vendors)).vendors[0].vendor_id
    for contact in (
        pb.Contact(network_site_id=site_id, name="Keeper", primary=True),
        pb.Contact(network_site_id=site_id, name="Other keeper", primary=True),
        pb.Contact(vendor_id=vendor_id, name="Seller"),
    ):
        made = await contacts.CreateContact(pb.CreateContactRequest(contact=contact))
        assert made.contact.WhichOneof("related_entity") == contact.WhichOneof("related_entity")
        assert made.contact.primary == contact.primary


async def test_repeating_a_creation_makes_one_contact(stub: Stubs) -> None:
    await make_company(stub)
    contact = pb.Contact(account_id=await make_account(stub), name="Ada")
    request = pb.CreateContactRequest(contact=contact, request_id=str(uuid4()))
    contacts = stub(ContactsStub)
    answers = await asyncio.gather(*(contacts.CreateContact(request) for _ in range(5)))
    assert len({answer.contact.contact_id for answer in answers}) == 1
    assert len((await contacts.ListContacts(pb.ListContactsRequest())).contacts) == 1


async def test_an_account_has_one_primary_contact_even_when_many_want_to_be(stub: Stubs) -> None:
    await make_company(stub)
    account_id = await make_account(stub)
    people = await asyncio.gather(
        *(make_contact(stub, account_id, f"Person {n}", primary=True) for n in range(6))
    )
    mask = FieldMask(paths=["primary"])
    contacts = stub(ContactsStub)
    await asyncio.gather(
        *(
            contacts.UpdateContact(
                pb.UpdateContactRequest(
                    contact=pb.Contact(contact_id=person.contact_id, primary=True),
                    update_mask=mask,
                )
            )
            for person in people
        )
    )
    listed = (await contacts.ListContacts(pb.ListContactsRequest(account_id=account_id))).contacts
    assert [contact.primary for contact in listed].count(True) == 1


async def test_only_the_fields_of_the_mask_change(stub: Stubs) -> None:
    await make_company(stub)
    made = await make_contact(stub, await make_account(stub), role="Owner", time_zone="UTC")
    contacts = stub(ContactsStub)
    request = pb.UpdateContactRequest(
        contact=pb.Contact(contact_id=made.contact_id, name="Zoé", role="Boss", etag="1"),
        update_mask=FieldMask(paths=["name", "time_zone"]),
    )
    updated = (await contacts.UpdateContact(request)).contact
    assert (updated.name, updated.role, updated.time_zone) == ("Zoé", "Owner", "")
    assert updated.etag == "2"
    read = await contacts.GetContact(pb.GetContactRequest(contact_id=made.contact_id))
    assert read.contact == updated
    told = await failure(contacts.UpdateContact(request))
    assert (told.code, told.reason) == (Code.ABORTED, "ETAG_MISMATCH")


async def test_a_deleted_contact_is_gone_with_its_numbers(stub: Stubs, pool: Pool) -> None:
    number = await make_number(stub)
    contacts = stub(ContactsStub)
    await contacts.SetSmsOptIn(opt_in(number))
    [contact] = (await contacts.ListContacts(pb.ListContactsRequest())).contacts
    request = pb.DeleteContactRequest(contact_id=contact.contact_id, etag="7")
    assert (await failure(contacts.DeleteContact(request))).reason == "ETAG_MISMATCH"
    request.etag = contact.etag
    await contacts.DeleteContact(request)
    get = pb.GetContactRequest(contact_id=contact.contact_id)
    for call in (contacts.GetContact(get), contacts.DeleteContact(request)):
        assert (await failure(call)).reason == "CONTACT_NOT_FOUND"
    assert not (await contacts.ListContacts(pb.ListContactsRequest())).contacts
    [event] = await events(stub)
    assert (event.number, event.phone_number_id) == ("+12125550101", "")
    assert await pool.fetchval("SELECT name FROM contact") == "Ada Moreau"


async def test_contacts_are_found_by_number_as_people_write_it(stub: Stubs) -> None:
    number = await make_number(stub)
    await make_number(stub, "+12125550102")
    contacts = stub(ContactsStub)
    request = pb.ListContactsRequest(number="(212) 555-0101")
    [found] = (await contacts.ListContacts(request)).contacts
    assert found.phone_numbers[0] == number
    told = await failure(contacts.ListContacts(pb.ListContactsRequest(number="555")))
    assert told.violations.keys() == {"number"}


async def test_pages_hold_every_contact_once(stub: Stubs) -> None:
    await make_company(stub)
    account_id = await make_account(stub)
    for n in range(5):
        await make_contact(stub, account_id, f"Person {n}")
    names: list[str] = []
    request = pb.ListContactsRequest(page_size=2, account_id=account_id)
    while True:
        page = await stub(ContactsStub).ListContacts(request)
        names.extend(contact.name for contact in page.contacts)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert names == [f"Person {n}" for n in range(5)]


async def test_phone_number_types(stub: Stubs) -> None:
    contacts = stub(ContactsStub)
    type_id = await make_type(stub, "Landline", sms_capable=False)
    create = pb.CreatePhoneNumberTypeRequest(phone_number_type=pb.PhoneNumberType(name="Landline"))
    assert (await failure(contacts.CreatePhoneNumberType(create))).reason == "NAME_TAKEN"
    change = pb.PhoneNumberType(phone_number_type_id=type_id, sms_capable=True, etag="1")
    update = pb.UpdatePhoneNumberTypeRequest(
        phone_number_type=change, update_mask=FieldMask(paths=["sms_capable"])
    )
    updated = (await contacts.UpdatePhoneNumberType(update)).phone_number_type
    assert (updated.name, updated.sms_capable, updated.etag) == ("Landline", True, "2")
    assert (await failure(contacts.UpdatePhoneNumberType(update))).reason == "ETAG_MISMATCH"
    delete = pb.DeletePhoneNumberTypeRequest(phone_number_type_id=type_id)
    await contacts.DeletePhoneNumberType(delete)
    told = await failure(contacts.DeletePhoneNumberType(delete))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "PHONE_NUMBER_TYPE_NOT_FOUND")


async def test_a_type_that_a_number_has_stays(stub: Stubs) -> None:
    number = await make_number(stub)
    delete = pb.DeletePhoneNumberTypeRequest(phone_number_type_id=number.phone_number_type_id)
    told = await failure(stub(ContactsStub).DeletePhoneNumberType(delete))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "IN_USE")
    assert told.metadata == {"used_by": "phone number"}


async def test_a_number_is_added_changed_and_removed(stub: Stubs) -> None:
    await make_company(stub)
    contact = await make_contact(stub, await make_account(stub))
    mobile, landline = await make_type(stub), await make_type(stub, "Landline")
    contacts = stub(ContactsStub)
    add = pb.AddPhoneNumberRequest(
        contact_id=contact.contact_id,
        phone_number=pb.PhoneNumber(
            number="212 555 0101", phone_number_type_id=mobile, sms_opt_in=True
        ),
    )
    added = (await contacts.AddPhoneNumber(add)).phone_number
    assert (added.number, added.sms_opt_in) == ("+12125550101", False)
    told = await failure(contacts.AddPhoneNumber(add))
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "PHONE_NUMBER_TAKEN")
    change = pb.PhoneNumber(
        phone_number_id=added.phone_number_id,
        number="+12125550102",
        extension="9",
        phone_number_type_id=landline,
    )
    update = pb.UpdatePhoneNumberRequest(
        phone_number=change, update_mask=FieldMask(paths=["extension", "phone_number_type_id"])
    )
    updated = (await contacts.UpdatePhoneNumber(update)).phone_number
    assert (updated.number, updated.extension) == ("+12125550101", "9")
    assert updated.phone_number_type_id == landline
    update.update_mask.paths[:] = ["number"]
    assert (await failure(contacts.UpdatePhoneNumber(update))).code is Code.INVALID_ARGUMENT
    remove = pb.RemovePhoneNumberRequest(phone_number_id=added.phone_number_id)
    await contacts.RemovePhoneNumber(remove)
    told = await failure(contacts.RemovePhoneNumber(remove))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "PHONE_NUMBER_NOT_FOUND")


async def test_the_21st_number_is_refused(stub: Stubs) -> None:
    await make_company(stub)
    contact = await make_contact(stub, await make_account(stub))
    mobile = await make_type(stub)
    contacts = stub(ContactsStub)

    def add(n: int) -> Any:
        phone = pb.PhoneNumber(number=f"+121255501{n:02}", phone_number_type_id=mobile)
        return contacts.AddPhoneNumber(
            pb.AddPhoneNumberRequest(contact_id=contact.contact_id, phone_number=phone)
        )

    results = await asyncio.gather(*(add(n) for n in range(22)), return_exceptions=True)
    assert sum(isinstance(result, grpc.aio.AioRpcError) for result in results) == 2


async def test_each_change_of_an_opt_in_is_recorded_with_its_words(stub: Stubs) -> None:
    number = await make_number(stub)
    contacts = stub(ContactsStub)
    given = Timestamp()
    given.FromDatetime(datetime(2025, 6, 1, tzinfo=UTC))
    answer = await contacts.SetSmsOptIn(opt_in(number, occur_time=given))
    assert answer.phone_number.sms_opt_in
    out = opt_in(number, agreed=False, source=pb.CONSENT_SOURCE_PHONE, evidence="")
    assert not (await contacts.SetSmsOptIn(out)).phone_number.sms_opt_in
    await contacts.SetSmsOptIn(opt_in(number, evidence="I agree again"))
    found = await events(stub, number="212-555-0101")
    assert [event.kind for event in found] == [
        pb.CONSENT_EVENT_KIND_OPT_IN_AGAIN,
        pb.CONSENT_EVENT_KIND_OPT_OUT,
        pb.CONSENT_EVENT_KIND_OPT_IN,
    ]
    first = found[-1]
    assert (first.evidence, first.source) == ("I agree", pb.CONSENT_SOURCE_WEB)
    assert first.occur_time == given
    assert first.phone_number_id == number.phone_number_id
    assert first.actor
    assert found == await events(stub)


async def test_setting_what_is_set_changes_and_records_nothing(stub: Stubs, pool: Pool) -> None:
    number = await make_number(stub)
    contacts = stub(ContactsStub)
    await contacts.SetSmsOptIn(opt_in(number, agreed=False))
    assert await events(stub) == []
    await contacts.SetSmsOptIn(opt_in(number))
    before = await pool.fetch("SELECT xmin::text, * FROM phone_number")
    await contacts.SetSmsOptIn(opt_in(number))
    assert len(await events(stub)) == 1
    assert await pool.fetch("SELECT xmin::text, * FROM phone_number") == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"evidence": "  "}, "evidence"),
        ({"evidence": "x" * 2_001}, "evidence"),
        ({"evidence": "a\x00b"}, "evidence"),
        ({"source": pb.CONSENT_SOURCE_UNSPECIFIED}, "source"),
        ({"source": pb.CONSENT_SOURCE_SMS}, "source"),
        ({"source": pb.CONSENT_SOURCE_CARRIER}, "source"),
        ({"source": 99}, "source"),
        ({"occur_time": Timestamp(seconds=4_000_000_000)}, "occur_time"),
        ({"occur_time": Timestamp(seconds=-(10**15))}, "occur_time"),
        ({"phone_number_id": "7"}, "phone_number_id"),
    ],
)
async def test_a_wrong_opt_in_is_refused(stub: Stubs, fields: dict[str, Any], field: str) -> None:
    request = opt_in(pb.PhoneNumber(phone_number_id=NOBODY))
    request.MergeFrom(pb.SetSmsOptInRequest(**fields))
    if fields.get("source") == pb.CONSENT_SOURCE_UNSPECIFIED:
        request.ClearField("source")
    told = await failure(stub(ContactsStub).SetSmsOptIn(request))
    assert told.code is Code.INVALID_ARGUMENT
    assert told.violations.keys() == {field}


async def test_a_clock_that_is_a_little_ahead_is_forgiven(stub: Stubs) -> None:
    number = await make_number(stub)
    ahead = Timestamp()
    ahead.FromDatetime(datetime.now(UTC) + timedelta(seconds=20))
    await stub(ContactsStub).SetSmsOptIn(opt_in(number, occur_time=ahead))
    [event] = await events(stub)
    assert event.occur_time.ToDatetime() <= event.create_time.ToDatetime()


async def test_a_number_that_replied_stop_cannot_be_opted_in(stub: Stubs, pool: Pool) -> None:
    number = await make_number(stub)
    await pool.execute("INSERT INTO suppression (e164, source) VALUES ($1, 6)", number.number)
    contacts = stub(ContactsStub)
    told = await failure(contacts.SetSmsOptIn(opt_in(number)))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "OPT_IN_SUPPRESSED")
    [contact] = (await contacts.ListContacts(pb.ListContactsRequest())).contacts
    assert contact.phone_numbers[0].suppressed
    assert await events(stub) == []


async def test_suppressions_are_those_of_the_instances_numbers_newest_first(
    stub: Stubs, pool: Pool, other_instance: Tenant
) -> None:
    for n in range(3):
        await make_number(stub, f"+1212555010{n}")
    await make_number(stub, "+12125550109", other_instance.key)
    await pool.execute(
        "INSERT INTO suppression (e164, source, create_time) "
        "SELECT '+1212555010' || n, 6, '2026-01-01'::timestamptz + make_interval(secs => n % 2) "
        "FROM generate_series(0, 9) n"
    )
    found: list[str] = []
    request = pb.ListSuppressionsRequest(page_size=1)
    while True:
        page = await stub(ContactsStub).ListSuppressions(request)
        found.extend(suppression.number for suppression in page.suppressions)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert found == ["+12125550101", "+12125550102", "+12125550100"]


async def test_new_contacts_get_the_default_categories(stub: Stubs) -> None:
    await make_company(stub)
    account_id = await make_account(stub)
    contacts = stub(ContactsStub)
    before = await make_contact(stub, account_id, "Before")
    defaults = list(before.message_category_ids)

    async def create(name: str, **fields: Any) -> str:
        request = pb.CreateMessageCategoryRequest(name=name, **fields)
        made = (await contacts.CreateMessageCategory(request)).message_category
        return str(made.message_category_id)

    outages = await create("Weather", is_default=True)
    billing = await create("Surveys", apply_to_existing_contacts=True)
    told = await failure(
        contacts.CreateMessageCategory(pb.CreateMessageCategoryRequest(name="Surveys"))
    )
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    assert (await make_contact(stub, account_id, "After")).message_category_ids == [
        *defaults,
        outages,
    ]
    named = await make_contact(stub, account_id, "Named", message_category_ids=[billing])
    assert named.message_category_ids == [billing]
    found = await contacts.GetContact(pb.GetContactRequest(contact_id=before.contact_id))
    assert found.contact.message_category_ids == [*defaults, billing]
    listed = await contacts.ListMessageCategories(pb.ListMessageCategoriesRequest())
    assert [category.name for category in listed.message_categories][-2:] == ["Weather", "Surveys"]


async def test_ids_of_another_instance_are_like_ids_of_nobody(
    stub: Stubs, other_instance: Tenant
) -> None:
    theirs = await make_number(stub, key=other_instance.key)
    their = stub(ContactsStub, other_instance.key)
    [their_contact] = (await their.ListContacts(pb.ListContactsRequest())).contacts
    their_category = (
        await their.CreateMessageCategory(pb.CreateMessageCategoryRequest(name="Theirs"))
    ).message_category
    await make_company(stub)
    account_id = await make_account(stub)
    ours = await make_contact(stub, account_id)
    mobile = await make_type(stub)
    contacts = stub(ContactsStub)
    number = "+12125550101"

    def create(**fields: Any) -> Any:
        contact = pb.Contact(name="Ada", **fields)
        return contacts.CreateContact(pb.CreateContactRequest(contact=contact))

    for contact_id, entity_id, type_id, number_id, category_id in (
        (
            their_contact.contact_id,
            their_contact.account_id,
            theirs.phone_number_type_id,
            theirs.phone_number_id,
            their_category.message_category_id,
        ),
        (NOBODY,) * 5,
    ):
        right_type = pb.PhoneNumber(number=number, phone_number_type_id=mobile)
        wrong_type = pb.PhoneNumber(number=number, phone_number_type_id=type_id)
        changed = pb.PhoneNumber(phone_number_id=number_id, extension="1")
        categories = pb.Contact(contact_id=ours.contact_id, message_category_ids=[category_id])
        calls = {
            "CONTACT_NOT_FOUND": [
                contacts.GetContact(pb.GetContactRequest(contact_id=contact_id)),
                contacts.DeleteContact(pb.DeleteContactRequest(contact_id=contact_id)),
                contacts.UpdateContact(
                    pb.UpdateContactRequest(
                        contact=pb.Contact(contact_id=contact_id, role="Mine"),
                        update_mask=FieldMask(paths=["role"]),
                    )
                ),
                contacts.AddPhoneNumber(
                    pb.AddPhoneNumberRequest(contact_id=contact_id, phone_number=right_type)
                ),
            ],
            "ACCOUNT_NOT_FOUND": [create(account_id=entity_id)],
            "NETWORK_SITE_NOT_FOUND": [create(network_site_id=entity_id)],
            "VENDOR_NOT_FOUND": [create(vendor_id=entity_id)],
            "PHONE_NUMBER_TYPE_NOT_FOUND": [
                create(account_id=account_id, phone_numbers=[wrong_type]),
                contacts.AddPhoneNumber(
                    pb.AddPhoneNumberRequest(contact_id=ours.contact_id, phone_number=wrong_type)
                ),
                contacts.DeletePhoneNumberType(
                    pb.DeletePhoneNumberTypeRequest(phone_number_type_id=type_id)
                ),
                contacts.UpdatePhoneNumberType(
                    pb.UpdatePhoneNumberTypeRequest(
                        phone_number_type=pb.PhoneNumberType(
                            phone_number_type_id=type_id, sms_capable=True
                        ),
                        update_mask=FieldMask(paths=["sms_capable"]),
                    )
                ),
            ],
            "PHONE_NUMBER_NOT_FOUND": [
                contacts.SetSmsOptIn(opt_in(pb.PhoneNumber(phone_number_id=number_id))),
                contacts.RemovePhoneNumber(pb.RemovePhoneNumberRequest(phone_number_id=number_id)),
                contacts.UpdatePhoneNumber(
                    pb.UpdatePhoneNumberRequest(
                        phone_number=changed, update_mask=FieldMask(paths=["extension"])
                    )
                ),
            ],
            "MESSAGE_CATEGORY_NOT_FOUND": [
                create(account_id=account_id, message_category_ids=[category_id]),
                contacts.UpdateContact(
                    pb.UpdateContactRequest(
                        contact=categories,
                        update_mask=FieldMask(paths=["message_category_ids"]),
                    )
                ),
            ],
        }
        for reason, pending in calls.items():
            for call in pending:
                told = await failure(call)
                assert (told.code, told.reason) == (Code.NOT_FOUND, reason)
    assert len((await contacts.ListContacts(pb.ListContactsRequest())).contacts) == 1
    assert not (await contacts.ListContacts(pb.ListContactsRequest(number=number))).contacts
    assert await events(stub) == []
