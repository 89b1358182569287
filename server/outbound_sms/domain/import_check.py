"""Which rows of an import cannot go in, given what is stored and what the other rows say."""

from collections.abc import Iterable, Sequence

from outbound_sms.domain.account import accounts_in_circles
from outbound_sms.domain.consent import OptInRefusal
from outbound_sms.domain.contact import MOST_PHONE_NUMBERS, name_key
from outbound_sms.domain.import_row import ImportRow, Refusal
from outbound_sms.domain.import_state import ContactKey, ImportState

UNKNOWN_COMPANY = "names a company that does not exist; create it, or correct the name"
NO_DEFAULT_COMPANY = "is not given and no company is the default; name a company"
UNKNOWN_TYPE = "names a phone number type that does not exist; create it, or correct the name"
NO_TYPE = "is not given and the number is new; name a phone number type"
UNKNOWN_PARENT = "names an account that is not there; import the parent first"
PARENT_CIRCLE = "makes the account its own ancestor; correct the parent"
TOO_MANY_NUMBERS = f"is one too many; a contact has at most {MOST_PHONE_NUMBERS}"


def check_rows(rows: Sequence[ImportRow], state: ImportState) -> list[tuple[Refusal, ...]]:
    """All refusals of each row, sorted by column; those of reading it included.

    A row may lean on another of the same request: on its parent account, on a number's type. So
    the check is repeated without the refused rows until no more fall out.
    """
    checked = _Check(rows, state)
    while checked.refuse_more():
        pass
    return [tuple(found[column] for column in sorted(found)) for found in checked.refused]


class _Check:
    def __init__(self, rows: Sequence[ImportRow], state: ImportState) -> None:
        self._rows = rows
        self._state = state
        self.refused = [{r.column: r for r in row.refusals} for row in rows]
        for row, found in zip(rows, self.refused, strict=True):
            for refusal in _alone(row, state):
                found.setdefault(refusal.column, refusal)

    def refuse_more(self) -> bool:
        """Refuses what leans on refused rows; returns whether there was any."""
        before = sum(map(len, self.refused))
        self._check_parents()
        self._check_numbers()
        return sum(map(len, self.refused)) > before

    def _accepted(self) -> Iterable[ImportRow]:
        return (row for row, found in zip(self._rows, self.refused, strict=True) if not found)

    def _check_parents(self) -> None:
        known = self._state.accounts.keys() | {row.account_number for row in self._accepted()}
        parents = dict(self._state.parents)
        for row in self._accepted():
            if row.account.get("parent"):
                parents[row.account_number] = row.account["parent"]
            elif "parent" in row.account:
                parents.pop(row.account_number, None)
        in_circle = accounts_in_circles(parents)
        for row, found in zip(self._rows, self.refused, strict=True):
            parent = row.account.get("parent")
            if parent and parent not in known:
                _refuse(found, "parent_account_number", UNKNOWN_PARENT)
            elif parent and row.account_number in in_circle:
                _refuse(found, "parent_account_number", PARENT_CIRCLE)

    def _check_numbers(self) -> None:
        """In the order of the rows: the first row of a new number says its type."""
        numbers: dict[ContactKey, set[str]] = {}
        for row, found in zip(self._rows, self.refused, strict=True):
            if row.number is None or row.contact_name is None:
                continue
            key = (row.account_number, name_key(row.contact_name))
            of_contact = numbers.get(key)
            if of_contact is None:
                stored = self._state.contact_by_key.get(key)
                of_contact = {n.e164 for n in stored.phone_numbers} if stored else set()
                numbers[key] = of_contact
            if row.number.e164 in of_contact:
                continue
            if not row.phone.get("type") and self._state.phone_number_types.only() is None:
                _refuse(found, "phone_type", NO_TYPE)
            if len(of_contact) >= MOST_PHONE_NUMBERS:
                _refuse(found, "phone_number", TOO_MANY_NUMBERS)
            if not found:
                of_contact.add(row.number.e164)


def _refuse(found: dict[str, Refusal], column: str, reason: str) -> None:
    found.setdefault(column, Refusal(column, reason))


def _alone(row: ImportRow, state: ImportState) -> Iterable[Refusal]:
    """What is wrong with a row whatever the other rows say."""
    company = row.account.get("company")
    if company and state.companies.find(company) is None:
        yield Refusal("company", UNKNOWN_COMPANY)
    if not company and row.account_number not in state.accounts and not state.default_company_id:
        yield Refusal("company", NO_DEFAULT_COMPANY)
    type_name = row.phone.get("type")
    if type_name and row.number and state.phone_number_types.find(type_name) is None:
        yield Refusal("phone_type", UNKNOWN_TYPE)
    if row.number and row.consent.opt_in:
        yield from _check_opt_in(row, row.number.e164, state)


def _check_opt_in(row: ImportRow, e164: str, state: ImportState) -> Iterable[Refusal]:
    """STOP wins over any file, and an opt-out by hand over an older or undated consent.

    Files are imported again and again: without this, the next import would undo the opt-out.
    """
    if e164 in state.suppressed:
        yield Refusal("sms_opt_in", OptInRefusal.SUPPRESSED)
        return
    if row.contact_name is not None:
        stored = state.phone_number((row.account_number, name_key(row.contact_name)), e164)
        if stored is not None and stored.sms_opt_in:
            return
    opt_out = state.opt_outs.get(e164)
    ended = opt_out.latest_outside_imports if opt_out else None
    if ended is not None and (row.consent.time is None or row.consent.time <= ended):
        yield Refusal("sms_opt_in", OptInRefusal.OPTED_OUT)
