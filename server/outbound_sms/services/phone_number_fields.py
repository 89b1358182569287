"""Phone numbers between the contract and the domain."""

import re
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.contact import ContactPhoneNumber, NewPhoneNumber
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.import_row import DEFAULT_COUNTRY
from outbound_sms.domain.phone import PhoneRefused, parse_phone
from outbound_sms.rpc.fields import parse_id
from outboundsms.v1 import contacts_pb2

CHANGEABLE = frozenset({"extension", "phone_number_type_id"})
_EXTENSION = re.compile(r"[0-9]{1,7}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True, slots=True)
class NumberChange:
    """New values of a number; None leaves the type, and the fields in `fields` decide the rest."""

    fields: frozenset[str]
    extension: str | None
    phone_number_type_id: UUID | None


def read_new(violations: Violations, field: str, given: contacts_pb2.PhoneNumber) -> NewPhoneNumber:
    """A number to add. Only meaningful when there is no violation."""
    type_id = parse_id(violations, f"{field}.phone_number_type_id", given.phone_number_type_id)
    extension = _read_extension(violations, field, given)
    country = given.country or DEFAULT_COUNTRY
    if not _COUNTRY.fullmatch(country):
        violations.add(f"{field}.country", "is not a country; give two letters such as US or CA")
    nothing = NewPhoneNumber("", "", None, type_id or UUID(int=0))
    try:
        parsed = parse_phone(given.number, country)
    except PhoneRefused as error:
        violations.add(f"{field}.number", error.text)
        return nothing
    return NewPhoneNumber(
        e164=parsed.e164,
        country=parsed.country,
        extension=extension or parsed.extension,
        phone_number_type_id=nothing.phone_number_type_id,
    )


def read_change(
    violations: Violations, given: contacts_pb2.PhoneNumber, fields: frozenset[str]
) -> NumberChange:
    """What a number is to become."""
    type_id = None
    if "phone_number_type_id" in fields:
        type_id = parse_id(
            violations, "phone_number.phone_number_type_id", given.phone_number_type_id
        )
    return NumberChange(fields, _read_extension(violations, "phone_number", given), type_id)


def read_filter(violations: Violations, field: str, number: str) -> str | None:
    """The E.164 form of a number to look for, None where there is none."""
    if not number:
        return None
    try:
        return parse_phone(number, DEFAULT_COUNTRY).e164
    except PhoneRefused as error:
        violations.add(field, error.text)
        return None


def show(number: ContactPhoneNumber) -> contacts_pb2.PhoneNumber:
    """The number as the contract has it."""
    return contacts_pb2.PhoneNumber(
        phone_number_id=str(number.id),
        number=number.e164,
        country=number.country,
        extension=number.extension or "",
        phone_number_type_id=str(number.phone_number_type_id),
        sms_opt_in=number.sms_opt_in,
        suppressed=number.suppressed,
    )


def _read_extension(
    violations: Violations, field: str, given: contacts_pb2.PhoneNumber
) -> str | None:
    if given.extension and not _EXTENSION.fullmatch(given.extension):
        violations.add(f"{field}.extension", "is not an extension; give 1 to 7 digits")
    return given.extension or None
