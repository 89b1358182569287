"""What the rows of an import say, gathered for each account, contact and number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from outbound_sms.domain.contact import name_key
from outbound_sms.domain.import_row import Consent, ImportRow
from outbound_sms.domain.import_state import ContactKey, ImportState
from outbound_sms.domain.phone import PhoneNumber


@dataclass(slots=True)
class WantedNumber:
    """What rows say about one number of one contact."""

    parsed: PhoneNumber
    columns: dict[str, Any] = field(default_factory=dict)
    consent: Consent | None = None


@dataclass(slots=True)
class WantedContact:
    """What rows say about one contact: the columns they have, and its numbers by E.164."""

    name: str
    columns: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, WantedNumber] = field(default_factory=dict)


class Wanted:
    """What accepted rows say, gathered for each account, contact and number.

    Where rows contradict each other the later one wins, column by column: a file has no better
    order than its own.
    """

    def __init__(self, rows: Sequence[ImportRow]) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.contacts: dict[ContactKey, WantedContact] = {}
        self._primary: dict[str, ContactKey] = {}
        for row in rows:
            self.accounts.setdefault(row.account_number, {}).update(row.account)
            if row.contact_name is not None:
                self._add_contact(row, row.contact_name)

    def count_new(self, state: ImportState) -> int:
        """How many accounts, contacts and numbers are not stored, so how many ids are needed."""
        accounts = sum(number not in state.accounts for number in self.accounts)
        contacts = sum(key not in state.contact_by_key for key in self.contacts)
        numbers = sum(
            state.phone_number(key, e164) is None
            for key, contact in self.contacts.items()
            for e164 in contact.numbers
        )
        return accounts + contacts + numbers

    def _add_contact(self, row: ImportRow, name: str) -> None:
        key = (row.account_number, name_key(name))
        contact = self.contacts.setdefault(key, WantedContact(name))
        contact.columns.update(row.contact)
        if row.contact.get("is_primary"):
            previous = self._primary.get(row.account_number)
            if previous is not None and previous != key:
                self.contacts[previous].columns["is_primary"] = False
            self._primary[row.account_number] = key
        if row.number is not None:
            number = contact.numbers.setdefault(row.number.e164, WantedNumber(row.number))
            number.columns.update(row.phone)
            if row.consent.opt_in is not None:
                number.consent = row.consent
