"""Phone numbers of contacts, and whether they agreed to be texted."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from outbound_sms.domain.consent import (
    CALLER_SOURCES,
    LONGEST_EVIDENCE,
    ConsentSource,
    is_in_future,
    kind_of_change,
)
from outbound_sms.domain.contact import MOST_PHONE_NUMBERS, ContactPhoneNumber
from outbound_sms.domain.errors import InvalidRequest, NotFound, Reason, Violations, WrongState
from outbound_sms.domain.import_changes import NewConsentEvent
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import check_enum, parse_id, read_mask, to_datetime
from outbound_sms.rpc.once import Once
from outbound_sms.services import phone_number_fields
from outbound_sms.services.missing import check_all_exist, not_found
from outbound_sms.store import accounts, consent, contacts, phone_number_types, phone_numbers
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import contacts_pb2 as pb


class NumberMethods:
    """The part of `outboundsms.v1.Contacts` about phone numbers and their opt-in."""

    _pool: Pool
    _once: Once

    async def AddPhoneNumber(
        self, request: pb.AddPhoneNumberRequest, context: Any
    ) -> pb.AddPhoneNumberResponse:
        violations = Violations()
        contact_id = parse_id(violations, "contact_id", request.contact_id)
        given = phone_number_fields.read_new(violations, "phone_number", request.phone_number)
        violations.raise_if_any()
        assert contact_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.AddPhoneNumberResponse:
            await accounts.lock_accounts(db, instance_id)
            contact = await contacts.get_contact(db, instance_id, contact_id)
            if contact is None:
                raise not_found(Reason.CONTACT_NOT_FOUND, "contact", contact_id)
            await _check_type(db, instance_id, given.phone_number_type_id)
            if len(contact.phone_numbers) >= MOST_PHONE_NUMBERS:
                raise InvalidRequest.of(
                    "contact_id", f"has {MOST_PHONE_NUMBERS} numbers, the most; remove one first"
                )
            [number_id] = await accounts.new_ids(db, 1)
            added = ContactPhoneNumber(
                id=number_id,
                contact_id=contact_id,
                e164=given.e164,
                country=given.country,
                extension=given.extension,
                phone_number_type_id=given.phone_number_type_id,
                sms_opt_in=False,
                suppressed=bool(await phone_numbers.find_suppressed(db, instance_id, [given.e164])),
                version=1,
            )
            await phone_numbers.insert_numbers(db, instance_id, [added])
            return pb.AddPhoneNumberResponse(phone_number=phone_number_fields.show(added))

        return await self._once.run(request, pb.AddPhoneNumberResponse, work)

    async def UpdatePhoneNumber(
        self, request: pb.UpdatePhoneNumberRequest, context: Any
    ) -> pb.UpdatePhoneNumberResponse:
        violations = Violations()
        given = request.phone_number
        number_id = parse_id(violations, "phone_number.phone_number_id", given.phone_number_id)
        fields = read_mask(violations, request.update_mask, phone_number_fields.CHANGEABLE)
        change = phone_number_fields.read_change(violations, given, fields)
        violations.raise_if_any()
        assert number_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdatePhoneNumberResponse:
            await accounts.lock_accounts(db, instance_id)
            wanted = await _lock(db, instance_id, number_id)
            if change.phone_number_type_id is not None:
                await _check_type(db, instance_id, change.phone_number_type_id)
                wanted = replace(wanted, phone_number_type_id=change.phone_number_type_id)
            if "extension" in change.fields:
                wanted = replace(wanted, extension=change.extension)
            await phone_numbers.update_numbers(db, instance_id, [wanted])
            return pb.UpdatePhoneNumberResponse(phone_number=phone_number_fields.show(wanted))

        return await self._once.run(request, pb.UpdatePhoneNumberResponse, work)

    async def RemovePhoneNumber(
        self, request: pb.RemovePhoneNumberRequest, context: Any
    ) -> pb.RemovePhoneNumberResponse:
        violations = Violations()
        number_id = parse_id(violations, "phone_number_id", request.phone_number_id)
        violations.raise_if_any()
        assert number_id is not None
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.RemovePhoneNumberResponse:
            if not await phone_numbers.delete_number(db, instance_id, number_id):
                raise _no_number(number_id)
            return pb.RemovePhoneNumberResponse()

        return await self._once.run(request, pb.RemovePhoneNumberResponse, work)

    async def SetSmsOptIn(
        self, request: pb.SetSmsOptInRequest, context: Any
    ) -> pb.SetSmsOptInResponse:
        violations = Violations()
        number_id = parse_id(violations, "phone_number_id", request.phone_number_id)
        _check_source(violations, request)
        evidence = check_text(
            violations,
            "evidence",
            request.evidence,
            required=request.sms_opt_in,
            longest=LONGEST_EVIDENCE,
        )
        given_time = request.occur_time if request.HasField("occur_time") else None
        occur_time = to_datetime(violations, "occur_time", given_time)
        if occur_time is not None:
            now = await consent.now(self._pool)
            if is_in_future(occur_time, now):
                violations.add("occur_time", "is in the future; give when the consent was given")
            occur_time = min(occur_time, now)
        violations.raise_if_any()
        assert number_id is not None
        caller = current_caller()

        async def work(db: Connection) -> pb.SetSmsOptInResponse:
            number = await _lock(db, caller.instance_id, number_id)
            if request.sms_opt_in and number.suppressed:
                raise WrongState(
                    Reason.OPT_IN_SUPPRESSED,
                    "The number replied STOP; only a START from the number itself lifts that.",
                )
            if number.sms_opt_in == request.sms_opt_in:
                return pb.SetSmsOptInResponse(phone_number=phone_number_fields.show(number))
            before = await consent.find_opt_outs(db, caller.instance_id, [number.e164])
            wanted = replace(number, sms_opt_in=request.sms_opt_in)
            event = NewConsentEvent(
                contact_id=number.contact_id,
                phone_number_id=number.id,
                e164=number.e164,
                kind=kind_of_change(request.sms_opt_in, bool(before)),
                source=ConsentSource(request.source),
                evidence=evidence,
                occur_time=occur_time,
            )
            await phone_numbers.update_numbers(db, caller.instance_id, [wanted])
            await consent.record_events(db, caller.instance_id, caller.key_name, [event])
            return pb.SetSmsOptInResponse(phone_number=phone_number_fields.show(wanted))

        return await self._once.run(request, pb.SetSmsOptInResponse, work)


async def _lock(db: Connection, instance_id: UUID, number_id: UUID) -> ContactPhoneNumber:
    number = await phone_numbers.lock_number(db, instance_id, number_id)
    if number is None:
        raise _no_number(number_id)
    return number


async def _check_type(db: Connection, instance_id: UUID, type_id: UUID) -> None:
    found = await phone_number_types.find_existing(db, instance_id, [type_id])
    check_all_exist(Reason.PHONE_NUMBER_TYPE_NOT_FOUND, "phone number type", [type_id], found)


def _check_source(violations: Violations, request: pb.SetSmsOptInRequest) -> None:
    known = check_enum(violations, "source", request.source, pb.ConsentSource)
    if known and ConsentSource(request.source) not in CALLER_SOURCES:
        violations.add("source", "is one that the service records itself; say how people told you")


def _no_number(number_id: UUID) -> NotFound:
    return NotFound(
        Reason.PHONE_NUMBER_NOT_FOUND,
        "There is no such phone number; get its contact to find the id.",
        id=str(number_id),
    )
