"""Calls that fail, each with personal values that its answer or the log might repeat."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import grpc

from outboundsms.v1 import contacts_pb2 as contacts
from outboundsms.v1 import directory_pb2 as directory
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.delivery_pb2 import ListMessagesRequest, WatchMessagesRequest
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.triggers_pb2 import FireTriggerRequest
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.e2e.canary_isp import EMAIL, EVIDENCE, NAME, PHONES, REPLY, written_national
from tests.e2e.canary_service import Service
from tests.services.fire_calls import VARIABLES, event


async def call_wrongly(service: Service) -> None:
    """Requests that are refused, each with values that the refusal might repeat."""
    refused, stub = service.told.refused, service.stubs
    people, delivery = stub(ContactsStub), stub(DeliveryStub)
    account = str(
        await service.pool.fetchval("SELECT id FROM account WHERE account_number = 'C-1'")
    )
    mobile = str(await service.pool.fetchval("SELECT id FROM phone_number_type LIMIT 1"))
    number = await service.pool.fetchrow("SELECT * FROM phone_number WHERE e164 = $1", PHONES[0])
    assert number is not None
    for wrong in (
        {"email_address": f"{EMAIL}@"},
        {"time_zone": written_national(PHONES[0])},
        {"phone_numbers": [contacts.PhoneNumber(number=f"{PHONES[0]}{REPLY}")]},
        {"phone_numbers": [_phone(PHONES[0], mobile), _phone(written_national(PHONES[0]), mobile)]},
        {"role": NAME * 100},
    ):
        await refused(people.CreateContact(_new_contact(account, **wrong)))
    again = _phone(PHONES[0], mobile)
    contact_id = str(number["contact_id"])
    add = contacts.AddPhoneNumberRequest(contact_id=contact_id, phone_number=again)
    await refused(people.AddPhoneNumber(add))
    opt_in = contacts.SetSmsOptInRequest(
        phone_number_id=str(uuid4()),
        sms_opt_in=True,
        source=contacts.CONSENT_SOURCE_WEB,
        evidence=EVIDENCE,
    )
    await refused(people.SetSmsOptIn(opt_in))
    opt_in.phone_number_id, opt_in.evidence = PHONES[0], EVIDENCE * 500
    await refused(people.SetSmsOptIn(opt_in))
    await refused(people.GetContact(contacts.GetContactRequest(contact_id=NAME)))
    await refused(people.ListContacts(contacts.ListContactsRequest(number=REPLY)))
    await refused(people.ListContacts(contacts.ListContactsRequest(page_token=PHONES[0])))
    await refused(delivery.ListMessages(ListMessagesRequest(phone_number=NAME)))
    watch = delivery.WatchMessages(WatchMessagesRequest(cursor=written_national(PHONES[0])))
    await refused(watch.read())
    company = directory.CreateCompanyRequest(
        company=directory.Company(name="Northwind Fiber", country="US")
    )
    await refused(stub(DirectoryStub).CreateCompany(company))
    wrong_event = event(NAME, account_number="C-1", variables={**VARIABLES, "AMOUNT_DUE": REPLY})
    await refused(stub(TriggersStub).FireTrigger(FireTriggerRequest(event=wrong_event)))
    await call_rawly(service)


async def call_rawly(service: Service) -> None:
    """What no stub would send: other methods, other bytes, other credentials."""
    channel = service.stubs.channel()
    for method, request in (
        (f"/outboundsms.v1.Contacts/{quote(PHONES[0])}", b""),
        (f"/{quote(NAME)}/Get", PHONES[0].encode()),
        ("/outboundsms.v1.Contacts/CreateContact", b"\x0a\xff" + NAME.encode()),
        ("/outboundsms.v1.Contacts/CreateContact", b"\x0a\x05\x2a\x03\xff\xfe" + b"a"),
    ):
        call = channel.unary_unary(method)
        await service.told.refused(call(request, metadata=(("x-subscriber", PHONES[0]),)))
    strange = service.stubs(ContactsStub, f"sms_live_{PHONES[0]}")
    await service.told.refused(strange.ListContacts(contacts.ListContactsRequest()))


def _phone(number: str, type_id: str) -> contacts.PhoneNumber:
    return contacts.PhoneNumber(number=number, phone_number_type_id=type_id)


def _new_contact(account_id: str, **fields: Any) -> contacts.CreateContactRequest:
    values: dict[str, Any] = {"name": NAME, "email_address": EMAIL} | fields
    return contacts.CreateContactRequest(contact=contacts.Contact(account_id=account_id, **values))


async def break_the_database(service: Service) -> None:
    """Errors of PostgreSQL that nothing expects: each quotes the row."""
    people = service.stubs(ContactsStub)
    account = str(
        await service.pool.fetchval("SELECT id FROM account WHERE account_number = 'C-2'")
    )
    await people.CreateContact(_new_contact(account, role="unique"))
    for role in ("unique", "check", "cast", "raise"):
        code = await service.told.refused(people.CreateContact(_new_contact(account, role=role)))
        assert code is grpc.StatusCode.INTERNAL, role


async def be_too_slow(service: Service) -> None:
    """A statement that PostgreSQL ends after the five seconds that a caller waits."""
    account = str(
        await service.pool.fetchval("SELECT id FROM account WHERE account_number = 'C-3'")
    )
    request = _new_contact(account, role="slow")
    code = await service.told.refused(
        service.stubs(ContactsStub).CreateContact(request, timeout=30)
    )
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
