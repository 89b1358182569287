"""One row of an export: the texts of its columns, read into values or refused with the reasons.

Pure: what only the database knows, such as whether a company exists, is for `import_plan`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, auto
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from outbound_sms.domain import account, contact
from outbound_sms.domain import import_value as value
from outbound_sms.domain.consent import LONGEST_EVIDENCE, ConsentSource, is_in_future
from outbound_sms.domain.phone import PhoneNumber, PhoneRefused, parse_phone

DEFAULT_COUNTRY = "US"
LONGEST_COLUMN_TEXT = 20_000
_LONGEST_SITE = 200
_LONGEST_SHOWN_NAME = 60


class Part(IntEnum):
    """What a column belongs to."""

    ACCOUNT = auto()
    CONTACT = auto()
    PHONE = auto()


class Empty(Enum):
    """What an empty text in a column means."""

    ABSENT = auto()
    REFUSED = auto()
    CLEARS = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is read: into which `field` of which part, by what, and what empty means."""

    part: Part
    field: str
    read: Callable[[str], Any]
    empty: Empty = Empty.ABSENT
    cleared: Any = None


_label = value.text_reader(account.LONGEST_LABEL)
_labels = lru_cache(1024)(value.list_reader(account.LONGEST_LIST, account.LONGEST_LABEL))
_names = lru_cache(1024)(value.list_reader(account.LONGEST_LIST, _LONGEST_SITE))
_language = lru_cache(256)(value.read_language)
_region = lru_cache(256)(value.read_region)


def _list_column(field_name: str, read: Callable[[str], Any] = _labels) -> Column:
    return Column(Part.ACCOUNT, field_name, read, Empty.CLEARS, ())


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "account_number": Column(
            Part.ACCOUNT,
            "account_number",
            value.text_reader(account.LONGEST_NUMBER),
            Empty.REFUSED,
        ),
        "account_name": Column(
            Part.ACCOUNT, "name", value.text_reader(account.LONGEST_NAME), Empty.REFUSED
        ),
        "company": Column(Part.ACCOUNT, "company", _label),
        "status": Column(Part.ACCOUNT, "status", _label),
        "type": Column(Part.ACCOUNT, "type", _label, Empty.CLEARS, ""),
        "groups": _list_column("groups"),
        "services": _list_column("services"),
        "inventory_items": _list_column("inventory_items"),
        "subnets": _list_column("subnets"),
        "ip_pools": _list_column("ip_pools"),
        "network_sites": _list_column("network_sites", _names),
        "parent_account_number": Column(
            Part.ACCOUNT, "parent", value.text_reader(account.LONGEST_NUMBER), Empty.CLEARS, ""
        ),
        "language": Column(Part.ACCOUNT, "language", _language, Empty.CLEARS),
        "delinquent": Column(Part.ACCOUNT, "delinquent", value.read_boolean),
        "region": Column(Part.ACCOUNT, "region", _region, Empty.CLEARS),
        "contact_name": Column(Part.CONTACT, "name", value.text_reader(contact.LONGEST_NAME)),
        "contact_role": Column(
            Part.CONTACT, "role", value.text_reader(contact.LONGEST_ROLE), Empty.CLEARS, ""
        ),
        "contact_primary": Column(Part.CONTACT, "is_primary", value.read_boolean),
        "contact_language": Column(Part.CONTACT, "language", _language, Empty.CLEARS),
        "contact_email": Column(Part.CONTACT, "email_address", value.read_email, Empty.CLEARS),
        "contact_time_zone": Column(Part.CONTACT, "time_zone", value.read_time_zone, Empty.CLEARS),
        "message_categories": Column(Part.CONTACT, "message_categories", _labels),
        "phone_number": Column(Part.PHONE, "number", str),
        "phone_country": Column(Part.PHONE, "country", value.read_country),
        "phone_extension": Column(Part.PHONE, "extension", value.read_extension, Empty.CLEARS),
        "phone_type": Column(Part.PHONE, "type", _label),
        "sms_opt_in": Column(Part.PHONE, "opt_in", value.read_boolean),
        "consent_source": Column(Part.PHONE, "source", value.read_consent_source),
        "consent_time": Column(Part.PHONE, "time", value.read_moment),
        "consent_evidence": Column(Part.PHONE, "evidence", value.text_reader(LONGEST_EVIDENCE)),
    }
)
REQUIRED_COLUMNS = ("account_number", "account_name")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wrong column of a row, and why, without the value."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a row says about the opt-in of its number; `opt_in` None says nothing."""

    opt_in: bool | None
    source: ConsentSource
    time: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row as far as it could be read.

    `account`, `contact` and `phone` hold only the columns that the row has, by the names of
    `COLUMNS`; things of the instance (company, sites, parent, categories, type) are still names.
    `contact_name` None: the row has no contact. `number` None: it has no phone number.
    """

    line: int
    account_number: str
    account: Mapping[str, Any]
    contact_name: str | None
    contact: Mapping[str, Any]
    number: PhoneNumber | None
    phone: Mapping[str, Any]
    consent: Consent
    refusals: tuple[Refusal, ...] = field(default=())


def read_row(line: int, texts: Mapping[str, str], now: datetime) -> ImportRow:
    """Reads one row. Every wrong column is in `refusals`; the row then must not go in.

    An empty text clears what an account, contact or number may lack, and elsewhere counts as an
    absent column: above all, an empty `sms_opt_in` says nothing. A phone number, role or e-mail
    address without `contact_name` belongs to a contact of the account's own name. A number without
    country code and `phone_country` is read as one of the US, which has Canada's numbering plan.
    """
    parts: dict[Part, dict[str, Any]] = {part: {} for part in Part}
    refusals: list[Refusal] = []
    for name, raw in texts.items():
        column = COLUMNS.get(name)
        if column is None:
            refusals.append(Refusal(_shown(name), "is not a column of an import; leave it out"))
            continue
        _read_column(name, column, raw, parts[column.part], refusals)
    refusals.extend(
        Refusal(name, "is missing; every row needs it")
        for name in REQUIRED_COLUMNS
        if name not in texts
    )
    number = _read_number(parts[Part.PHONE], refusals)
    consent = _read_consent(line, parts[Part.PHONE], now, refusals)
    return ImportRow(
        line=line,
        account_number=parts[Part.ACCOUNT].pop("account_number", ""),
        account=parts[Part.ACCOUNT],
        contact_name=_contact_name(parts, number),
        contact=parts[Part.CONTACT],
        number=number,
        phone=parts[Part.PHONE],
        consent=consent,
        refusals=tuple(refusals),
    )


def _read_column(
    name: str, column: Column, raw: str, part: dict[str, Any], refusals: list[Refusal]
) -> None:
    text = raw.strip()
    if text:
        try:
            if len(text) > LONGEST_COLUMN_TEXT:
                raise value.ValueRefused(f"is longer than {LONGEST_COLUMN_TEXT} characters")
            part[column.field] = column.read(text)
        except value.ValueRefused as error:
            refusals.append(Refusal(name, error.text))
    elif column.empty is Empty.CLEARS:
        part[column.field] = column.cleared
    elif column.empty is Empty.REFUSED:
        refusals.append(Refusal(name, "is empty; every row needs it"))


def _read_number(phone: dict[str, Any], refusals: list[Refusal]) -> PhoneNumber | None:
    """Takes number and country out of the part; puts the extension in where none is given."""
    raw = phone.pop("number", None)
    country = phone.pop("country", DEFAULT_COUNTRY)
    if raw is None:
        return None
    try:
        number = parse_phone(raw, country)
    except PhoneRefused as error:
        refusals.append(Refusal("phone_number", error.text))
        return None
    if number.extension and not phone.get("extension"):
        phone["extension"] = number.extension
    return number


def _read_consent(
    line: int, phone: dict[str, Any], now: datetime, refusals: list[Refusal]
) -> Consent:
    time: datetime | None = phone.pop("time", None)
    if time is not None and is_in_future(time, now):
        refusals.append(Refusal("consent_time", "is in the future; give when it was given"))
    return Consent(
        opt_in=phone.pop("opt_in", None),
        source=phone.pop("source", ConsentSource.IMPORT),
        time=min(time, now) if time is not None else None,
        evidence=phone.pop("evidence", "") or f"Import, line {line}",
    )


def _contact_name(parts: Mapping[Part, dict[str, Any]], number: PhoneNumber | None) -> str | None:
    """Takes the name out of the part; see `read_row` for a contact without one."""
    person = parts[Part.CONTACT]
    name: str | None = person.pop("name", None)
    if name is None and (number or person.get("role") or person.get("email_address")):
        name = parts[Part.ACCOUNT].get("name")
    return name


def _shown(name: str) -> str:
    """A column's name for the answer; it comes from outside and may be anything."""
    shown = name[:_LONGEST_SHOWN_NAME]
    return shown if shown.isprintable() and shown else "(unnamed)"
