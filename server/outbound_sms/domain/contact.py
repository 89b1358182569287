"""Contacts: the people of accounts, network sites and vendors, and their phone numbers."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.language import Language

LONGEST_NAME = 200
LONGEST_ROLE = 100
MOST_CATEGORIES = 100
MOST_PHONE_NUMBERS = 20


@dataclass(frozen=True, slots=True)
class ContactValues:
    """Everything that a caller decides about a contact. `time_zone` is an IANA name."""

    name: str
    role: str = ""
    is_primary: bool = False
    language: Language | None = None
    time_zone: str | None = None
    email_address: str | None = None
    message_category_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class RelatedEntity:
    """Whose person a contact is: exactly one of the three is set."""

    account_id: UUID | None = None
    network_site_id: UUID | None = None
    vendor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewPhoneNumber:
    """A number to add to a contact: E.164, the region that it belongs to, and its type."""

    e164: str
    country: str
    extension: str | None
    phone_number_type_id: UUID


@dataclass(frozen=True, slots=True)
class ContactPhoneNumber:
    """A number of a contact as stored. Suppressed: it replied STOP, whatever `sms_opt_in` says."""

    id: UUID
    contact_id: UUID
    e164: str
    country: str
    extension: str | None
    phone_number_type_id: UUID
    sms_opt_in: bool
    suppressed: bool
    version: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as stored. `version` is its etag."""

    id: UUID
    related: RelatedEntity
    values: ContactValues
    version: int
    create_time: datetime
    phone_numbers: tuple[ContactPhoneNumber, ...] = ()


def name_key(name: str) -> str:
    """What spellings of one name have in common: all but case, spacing and coding of accents."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
