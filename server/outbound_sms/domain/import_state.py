"""What an instance has stored of the things that the rows of an import name."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from outbound_sms.domain.account import Account
from outbound_sms.domain.contact import Contact, ContactPhoneNumber, name_key
from outbound_sms.domain.name_index import NameIndex

ContactKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class OptOut:
    """When a number last opted out, at all and other than by an import; None for never."""

    latest: datetime
    latest_outside_imports: datetime | None


@dataclass(frozen=True)
class ImportState:
    """The stored side of an import; the rows are the other.

    `accounts`: by account number, those of rows and their parents. `parents`: account number to
    parent number, of every ancestor. `contacts`: of those accounts, oldest first. `suppressed` and
    `opt_outs`: of the E.164 numbers of the rows.
    """

    accounts: Mapping[str, Account]
    parents: Mapping[str, str]
    contacts: tuple[Contact, ...]
    companies: NameIndex
    default_company_id: UUID | None
    phone_number_types: NameIndex
    network_sites: NameIndex
    message_categories: NameIndex
    default_category_ids: tuple[UUID, ...]
    suppressed: Set[str]
    opt_outs: Mapping[str, OptOut]

    @cached_property
    def contact_by_key(self) -> Mapping[ContactKey, Contact]:
        """Contacts by account number and `name_key`; the oldest where two share it."""
        found: dict[ContactKey, Contact] = {}
        for contact in self.contacts:
            found.setdefault((self.number_of(contact), name_key(contact.values.name)), contact)
        return found

    @cached_property
    def primary_by_account(self) -> Mapping[str, Contact]:
        """The primary contact by account number."""
        return {self.number_of(c): c for c in self.contacts if c.values.is_primary}

    def number_of(self, contact: Contact) -> str:
        """The account number that a contact of the state belongs to."""
        return self._number_by_id[contact.related.account_id]

    def phone_number(self, key: ContactKey, e164: str) -> ContactPhoneNumber | None:
        """What the contact has stored of the number."""
        contact = self.contact_by_key.get(key)
        if contact is None:
            return None
        return next((n for n in contact.phone_numbers if n.e164 == e164), None)

    @cached_property
    def _number_by_id(self) -> Mapping[UUID | None, str]:
        return {account.id: number for number, account in self.accounts.items()}
