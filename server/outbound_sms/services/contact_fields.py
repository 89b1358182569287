"""Contacts between the contract and the domain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from outbound_sms.domain.contact import (
    LONGEST_NAME,
    LONGEST_ROLE,
    MOST_CATEGORIES,
    MOST_PHONE_NUMBERS,
    Contact,
    ContactValues,
    NewPhoneNumber,
    RelatedEntity,
)
from outbound_sms.domain.email_address import ADVICE, LONGEST, is_email_address
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.rpc.fields import parse_id, to_timestamp
from outbound_sms.services import phone_number_fields
from outbound_sms.services.language_fields import read_language, show_language
from outbound_sms.services.list_fields import check_length, read_ids
from outboundsms.v1 import contacts_pb2

_LONGEST_ZONE = 100


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact to create. `names_categories` False: it is to get the default categories."""

    related: RelatedEntity
    values: ContactValues
    numbers: tuple[NewPhoneNumber, ...]
    names_categories: bool


def read_new(violations: Violations, given: contacts_pb2.Contact) -> NewContact:
    """A contact to create. Only meaningful when there is no violation."""
    return NewContact(
        related=_read_related(violations, given),
        values=read_values(violations, given, CHANGEABLE, ContactValues("")),
        numbers=_read_numbers(violations, given),
        names_categories=bool(given.message_category_ids),
    )


def read_values(
    violations: Violations,
    given: contacts_pb2.Contact,
    fields: frozenset[str],
    stored: ContactValues,
) -> ContactValues:
    """`stored` with those of its fields that are in `fields` taken from the request."""
    changes: dict[str, Any] = {}
    for field in fields:
        name, read = _READERS[field]
        changes[name] = read(violations, given)
    return replace(stored, **changes)


def show(contact: Contact) -> contacts_pb2.Contact:
    """The contact as the contract has it."""
    values, related = contact.values, contact.related
    shown = contacts_pb2.Contact(
        contact_id=str(contact.id),
        name=values.name,
        role=values.role,
        primary=values.is_primary,
        language=show_language(values.language),
        time_zone=values.time_zone or "",
        email_address=values.email_address or "",
        message_category_ids=map(str, values.message_category_ids),
        phone_numbers=map(phone_number_fields.show, contact.phone_numbers),
        etag=str(contact.version),
        create_time=to_timestamp(contact.create_time),
    )
    if related.account_id:
        shown.account_id = str(related.account_id)
    elif related.network_site_id:
        shown.network_site_id = str(related.network_site_id)
    elif related.vendor_id:
        shown.vendor_id = str(related.vendor_id)
    return shown


def _read_related(violations: Violations, given: contacts_pb2.Contact) -> RelatedEntity:
    def id_of(field: str, value: str) -> UUID | None:
        return parse_id(violations, f"contact.{field}", value)

    match given.WhichOneof("related_entity"):
        case "account_id":
            return RelatedEntity(account_id=id_of("account_id", given.account_id))
        case "network_site_id":
            return RelatedEntity(network_site_id=id_of("network_site_id", given.network_site_id))
        case "vendor_id":
            return RelatedEntity(vendor_id=id_of("vendor_id", given.vendor_id))
        case _:
            violations.add(
                "contact.related_entity",
                "is missing; give account_id, network_site_id or vendor_id",
            )
            return RelatedEntity()


def _read_numbers(
    violations: Violations, given: contacts_pb2.Contact
) -> tuple[NewPhoneNumber, ...]:
    field = "contact.phone_numbers"
    if not check_length(violations, field, len(given.phone_numbers), MOST_PHONE_NUMBERS):
        return ()
    first: dict[str, int] = {}
    numbers = []
    for index, each in enumerate(given.phone_numbers):
        number = phone_number_fields.read_new(violations, f"{field}[{index}]", each)
        before = first.setdefault(number.e164, index)
        if number.e164 and before != index:
            violations.add(
                f"{field}[{index}].number", f"is that of {field}[{before}] as well; give it once"
            )
        numbers.append(number)
    return tuple(numbers)


def _read_name(violations: Violations, given: contacts_pb2.Contact) -> str:
    return check_text(violations, "contact.name", given.name, required=True, longest=LONGEST_NAME)


def _read_role(violations: Violations, given: contacts_pb2.Contact) -> str:
    return check_text(violations, "contact.role", given.role, required=False, longest=LONGEST_ROLE)


def _read_time_zone(violations: Violations, given: contacts_pb2.Contact) -> str | None:
    field = "contact.time_zone"
    zone = check_text(violations, field, given.time_zone, required=False, longest=_LONGEST_ZONE)
    if zone:
        try:
            parse_zone(zone)
        except ValueError as error:
            violations.add(field, f"is {error}")
    return zone or None


def _read_email(violations: Violations, given: contacts_pb2.Contact) -> str | None:
    field = "contact.email_address"
    email = check_text(violations, field, given.email_address, required=False, longest=LONGEST)
    if email and not is_email_address(email):
        violations.add(field, ADVICE)
    return email or None


# Field of the contract -> field of the domain, and how it is read.
_READERS: Mapping[str, tuple[str, Callable[[Violations, contacts_pb2.Contact], Any]]] = {
    "name": ("name", _read_name),
    "role": ("role", _read_role),
    "primary": ("is_primary", lambda _, given: given.primary),
    "language": (
        "language",
        lambda violations, given: read_language(violations, "contact.language", given.language),
    ),
    "time_zone": ("time_zone", _read_time_zone),
    "email_address": ("email_address", _read_email),
    "message_category_ids": (
        "message_category_ids",
        lambda violations, given: read_ids(
            violations, "contact.message_category_ids", given.message_category_ids, MOST_CATEGORIES
        ),
    ),
}
CHANGEABLE = frozenset(_READERS)
