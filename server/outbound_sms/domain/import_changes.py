"""What an import has to write: the difference between what rows say and what is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from outbound_sms.domain.account import AccountValues
from outbound_sms.domain.consent import ConsentEventKind, ConsentSource, kind_of_change
from outbound_sms.domain.contact import ContactPhoneNumber, ContactValues, name_key
from outbound_sms.domain.import_row import Consent
from outbound_sms.domain.import_state import ContactKey, ImportState
from outbound_sms.domain.import_wanted import Wanted, WantedContact, WantedNumber
from outbound_sms.domain.phone import PhoneNumber


@dataclass(frozen=True, slots=True)
class NewConsentEvent:
    """A change of an opt-in to record; `occur_time` None means now."""

    contact_id: UUID
    phone_number_id: UUID
    e164: str
    kind: ConsentEventKind
    source: ConsentSource
    evidence: str
    occur_time: datetime | None


@dataclass(frozen=True, slots=True)
class ContactChange:
    """A contact to write; `account_id` and `version` are those that it has, or is to have."""

    id: UUID
    account_id: UUID
    version: int
    values: ContactValues


@dataclass(slots=True)
class ImportChanges:
    """Everything to write, each thing once. Empty lists mean that the rows change nothing."""

    new_accounts: list[tuple[UUID, AccountValues]] = field(default_factory=list)
    changed_accounts: list[tuple[UUID, AccountValues]] = field(default_factory=list)
    new_contacts: list[ContactChange] = field(default_factory=list)
    changed_contacts: list[ContactChange] = field(default_factory=list)
    new_numbers: list[ContactPhoneNumber] = field(default_factory=list)
    changed_numbers: list[ContactPhoneNumber] = field(default_factory=list)
    consent_events: list[NewConsentEvent] = field(default_factory=list)


def changes_of(wanted: Wanted, state: ImportState, ids: Iterator[UUID]) -> ImportChanges:
    """The writes that make the stored state what is wanted.

    Every name in `wanted` must be known to `state`, parents among the wanted accounts excepted.
    `ids` gives as many as `wanted.count_new(state)`.
    """
    return _Comparison(state, ids).run(wanted)


class _Comparison:
    def __init__(self, state: ImportState, ids: Iterator[UUID]) -> None:
        self._state = state
        self._ids = ids
        self._changes = ImportChanges()
        self._account_ids = {number: account.id for number, account in state.accounts.items()}

    def run(self, wanted: Wanted) -> ImportChanges:
        for number in wanted.accounts:
            if number not in self._account_ids:
                self._account_ids[number] = next(self._ids)
        for number, columns in wanted.accounts.items():
            self._compare_account(number, columns)
        taken = self._primaries_taken(wanted)
        for key, contact in wanted.contacts.items():
            self._compare_contact(key, contact, taken)
        return self._changes

    def _compare_account(self, number: str, columns: Mapping[str, Any]) -> None:
        values = self._account_columns(columns)
        stored = self._state.accounts.get(number)
        if stored is None:
            values.setdefault("company_id", self._state.default_company_id)
            new = AccountValues(account_number=number, **values)
            self._changes.new_accounts.append((self._account_ids[number], new))
            return
        changed = replace(stored.values, **values)
        if changed != stored.values:
            self._changes.changed_accounts.append((stored.id, changed))

    def _account_columns(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The columns as fields of AccountValues, with ids for names."""
        values = dict(columns)
        if "company" in values:
            values["company_id"] = self._state.companies.find(values.pop("company"))
        if "network_sites" in values:
            found = map(self._state.network_sites.find, values.pop("network_sites"))
            values["network_site_ids"] = tuple(dict.fromkeys(found))
        if "parent" in values:
            parent = values.pop("parent")
            values["parent_account_id"] = self._account_ids[parent] if parent else None
        return values

    def _primaries_taken(self, wanted: Wanted) -> set[UUID]:
        """The contacts that lose the flag to another; changes those of them that no row names."""
        taken = set()
        for key, contact in wanted.contacts.items():
            if not contact.columns.get("is_primary"):
                continue
            before = self._state.primary_by_account.get(key[0])
            now = self._state.contact_by_key.get(key)
            if before is None or before is now:
                continue
            taken.add(before.id)
            before_key = (key[0], name_key(before.values.name))
            named = self._state.contact_by_key[before_key] is before
            if not (named and before_key in wanted.contacts):
                values = replace(before.values, is_primary=False)
                self._change_contact(before.id, self._account_ids[key[0]], before.version, values)
        return taken

    def _compare_contact(self, key: ContactKey, contact: WantedContact, taken: set[UUID]) -> None:
        values = dict(contact.columns)
        if "message_categories" in values:
            found = map(self._state.message_categories.find, values.pop("message_categories"))
            values["message_category_ids"] = tuple(dict.fromkeys(found))
        account_id = self._account_ids[key[0]]
        stored = self._state.contact_by_key.get(key)
        if stored is None:
            values.setdefault("message_category_ids", self._state.default_category_ids)
            contact_id = next(self._ids)
            new = ContactValues(name=contact.name, **values)
            self._changes.new_contacts.append(ContactChange(contact_id, account_id, 1, new))
        else:
            contact_id = stored.id
            if contact_id in taken:
                values["is_primary"] = False
            changed = replace(stored.values, **values)
            if changed != stored.values:
                self._change_contact(contact_id, account_id, stored.version, changed)
        for number in contact.numbers.values():
            self._compare_number(key, contact_id, number)

    def _change_contact(
        self, contact_id: UUID, account_id: UUID, version: int, values: ContactValues
    ) -> None:
        self._changes.changed_contacts.append(
            ContactChange(contact_id, account_id, version, values)
        )

    def _compare_number(self, key: ContactKey, contact_id: UUID, number: WantedNumber) -> None:
        columns = dict(number.columns)
        type_name = columns.pop("type", None)
        if type_name is not None:
            columns["phone_number_type_id"] = self._state.phone_number_types.find(type_name)
        if number.consent is not None:
            columns["sms_opt_in"] = number.consent.opt_in
        stored = self._state.phone_number(key, number.parsed.e164)
        if stored is None:
            wanted = self._new_number(contact_id, number.parsed, columns)
            self._changes.new_numbers.append(wanted)
        else:
            wanted = replace(stored, **columns)
            if wanted == stored:
                return
            self._changes.changed_numbers.append(wanted)
        was_in = stored is not None and stored.sms_opt_in
        if number.consent is not None and wanted.sms_opt_in != was_in:
            self._record(wanted, number.consent)

    def _new_number(
        self, contact_id: UUID, parsed: PhoneNumber, columns: Mapping[str, Any]
    ) -> ContactPhoneNumber:
        type_id = columns.get("phone_number_type_id") or self._state.phone_number_types.only()
        if type_id is None:
            raise LookupError("a new number without a type was not refused")
        return ContactPhoneNumber(
            id=next(self._ids),
            contact_id=contact_id,
            e164=parsed.e164,
            country=parsed.country,
            extension=columns.get("extension"),
            phone_number_type_id=type_id,
            sms_opt_in=columns.get("sms_opt_in", False),
            suppressed=False,
            version=1,
        )

    def _record(self, number: ContactPhoneNumber, consent: Consent) -> None:
        before = number.e164 in self._state.opt_outs
        self._changes.consent_events.append(
            NewConsentEvent(
                contact_id=number.contact_id,
                phone_number_id=number.id,
                e164=number.e164,
                kind=kind_of_change(number.sms_opt_in, before),
                source=consent.source,
                evidence=consent.evidence,
                occur_time=consent.time,
            )
        )
