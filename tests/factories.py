"""Rows for tests, written straight into the tables: the fewest that make an ISP which can send."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from outbound_sms.store.pool import Database

NUMBERS = 70_000
EVERYONE = '{"all_accounts": true}'
PLENTY = 1_000_000_000_000
"""A million dollars, in micros."""


def phone(n: int) -> str:
    """The n-th fictional number: 555-0100 to 555-0199 of the area codes 200 to 899."""
    if not 0 <= n < NUMBERS:
        raise ValueError(f"there are {NUMBERS} numbers")
    return f"+1{200 + n // 100}55501{n % 100:02}"


@dataclass(frozen=True, slots=True)
class Isp:
    """An instance with what it takes to send: ids of its rows."""

    instance_id: UUID
    company_id: UUID
    french_company_id: UUID
    department_id: UUID
    signature_id: UUID
    sending_number_id: UUID
    mobile_id: UUID
    landline_id: UUID


async def make_isp(
    db: Database,
    *,
    instance_id: UUID | None = None,
    sender: str = "+12125550100",
    segments_per_second: float = 10,
    funds: int = PLENTY,
) -> Isp:
    """An ISP in an instance of its own, or in one that exists already, with `funds` in micros."""
    if instance_id is None:
        instance_id = await _add(
            db,
            "INSERT INTO instance (name, country, currency, time_zone) "
            "VALUES ('Northwind', 'US', 'USD', 'America/New_York')",
        )
    if funds:
        await add_funds(db, instance_id, funds)
    company_id = await add_company(db, instance_id, "Northwind Fiber", language="en", default=True)
    french_company_id = await add_company(
        db, instance_id, "Fibre Boréale", country="CA", language="fr"
    )
    department_id = await _add(
        db, "INSERT INTO department (instance_id, name) VALUES ($1, 'Support')", instance_id
    )
    for company, number, email in (
        (company_id, "+12125550142", "help@northwind.example"),
        (french_company_id, "+15145550142", None),
    ):
        await db.execute(
            "INSERT INTO company_department VALUES ($1, $2, $3, $4, $5)",
            instance_id,
            company,
            department_id,
            number,
            email,
        )
    return Isp(
        instance_id=instance_id,
        company_id=company_id,
        french_company_id=french_company_id,
        department_id=department_id,
        signature_id=await add_signature(
            db, instance_id, department_id, "Outages", mass_default=True
        ),
        sending_number_id=await add_sending_number(
            db, instance_id, sender, segments_per_second=segments_per_second, default=True
        ),
        mobile_id=await _add_type(db, instance_id, "Mobile", capable=True),
        landline_id=await _add_type(db, instance_id, "Landline", capable=False),
    )


async def add_funds(db: Database, instance_id: UUID, micros: int) -> None:
    """Money, by an entry of the ledger; negative takes it."""
    await db.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) "
        "VALUES ($1, 6, $2, 'Test')",
        instance_id,
        micros,
    )


async def add_company(
    db: Database,
    instance_id: UUID,
    name: str,
    *,
    country: str = "US",
    language: str | None = None,
    enabled: bool = True,
    default: bool = False,
) -> UUID:
    """A company."""
    return await _add(
        db,
        "INSERT INTO company (instance_id, name, country, language, enabled, is_default) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        instance_id,
        name,
        country,
        language,
        enabled,
        default,
    )


async def add_signature(
    db: Database,
    instance_id: UUID,
    department_id: UUID,
    name: str,
    *,
    template: int = 2,
    mass_default: bool = False,
) -> UUID:
    """A signature; template 2 shows the department's phone number and e-mail address."""
    return await _add(
        db,
        "INSERT INTO signature (instance_id, name, department_id, template, mass_default) "
        "VALUES ($1, $2, $3, $4, $5)",
        instance_id,
        name,
        department_id,
        template,
        mass_default,
    )


async def add_sending_number(
    db: Database,
    instance_id: UUID,
    e164: str,
    *,
    segments_per_second: float = 10,
    default: bool = False,
    enabled: bool = True,
) -> UUID:
    """A sending number of the sandbox carrier, with a full bucket."""
    number = await _add(
        db,
        "INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second, is_default, "
        "enabled) VALUES ($1, $2, 'sandbox', $3, $4, $5)",
        instance_id,
        e164,
        segments_per_second,
        default,
        enabled,
    )
    await db.execute(
        "INSERT INTO sending_rate (sending_number_id, tokens) VALUES ($1, $2)",
        number,
        segments_per_second,
    )
    return number


async def add_account(
    db: Database, isp: Isp, number: str, *, company_id: UUID | None = None, **columns: Any
) -> UUID:
    """An account with the account number `number`; `columns` are any others of the table."""
    values = {
        "instance_id": isp.instance_id,
        "company_id": company_id or isp.company_id,
        "account_number": number,
        "name": f"Account {number}",
        **columns,
    }
    return await _add_row(db, "account", values)


async def add_contact(
    db: Database, isp: Isp, account_id: UUID | None, name: str = "Ada Moreau", **columns: Any
) -> UUID:
    """A contact of an account, or of what `columns` say."""
    values = {
        "instance_id": isp.instance_id,
        "account_id": account_id,
        "name": name,
        **columns,
    }
    return await _add_row(db, "contact", values)


async def add_number(
    db: Database,
    isp: Isp,
    contact_id: UUID,
    e164: str,
    *,
    country: str = "US",
    opted_in: bool = True,
    capable: bool = True,
    **columns: Any,
) -> UUID:
    """A phone number that can be texted, unless told otherwise."""
    values = {
        "instance_id": isp.instance_id,
        "contact_id": contact_id,
        "e164": e164,
        "country": country,
        "phone_number_type_id": isp.mobile_id if capable else isp.landline_id,
        "sms_opt_in": opted_in,
        **columns,
    }
    return await _add_row(db, "phone_number", values)


async def add_subscribers(
    db: Database, isp: Isp, count: int, *, first: int = 0, network_site_ids: Sequence[UUID] = ()
) -> None:
    """Accounts `S00000...` of the first company, each with one contact and one textable number."""
    await db.execute(
        "INSERT INTO account (instance_id, account_number, name, company_id, network_site_ids) "
        "SELECT $1, 'S' || lpad(n::text, 5, '0'), 'Subscriber ' || n, $2, $5::uuid[] "
        "FROM generate_series($3::int, $3 + $4::int - 1) n",
        isp.instance_id,
        isp.company_id,
        first,
        count,
        list(network_site_ids),
    )
    await db.execute(
        "INSERT INTO contact (instance_id, account_id, name, is_primary) "
        "SELECT instance_id, id, name, true FROM account "
        "WHERE instance_id = $1 AND account_number >= 'S' || lpad($2::int::text, 5, '0') "
        "AND account_number < 'S' || lpad(($2 + $3::int)::text, 5, '0') ORDER BY id",
        isp.instance_id,
        first,
        count,
    )
    await db.execute(
        "INSERT INTO phone_number (instance_id, contact_id, e164, country, phone_number_type_id, "
        "sms_opt_in) SELECT c.instance_id, c.id, '+1' || 200 + n / 100 || '55501' || "
        "lpad((n % 100)::text, 2, '0'), 'US', $2, true FROM contact c "
        "JOIN account a ON a.id = c.account_id "
        "CROSS JOIN LATERAL "
        "(SELECT substring(a.account_number FROM '^S([0-9]+)$')::int AS n) number "
        "WHERE a.instance_id = $1 AND n >= $3::int AND n < $3 + $4::int ORDER BY c.id",
        isp.instance_id,
        isp.mobile_id,
        first,
        count,
    )


async def add_network_site(db: Database, isp: Isp, name: str) -> UUID:
    """A network site."""
    return await _add_row(db, "network_site", {"instance_id": isp.instance_id, "name": name})


async def add_category(db: Database, isp: Isp, name: str) -> UUID:
    """A message category."""
    return await _add_row(db, "message_category", {"instance_id": isp.instance_id, "name": name})


async def make_triggered_message(db: Database, isp: Isp, trigger_type: str, **columns: Any) -> UUID:
    """A triggered message, enabled, of every category, unless `columns` say otherwise."""
    values = {
        "instance_id": isp.instance_id,
        "name": f"{trigger_type} {await db.fetchval('SELECT new_id()')}",
        "enabled": True,
        "trigger_type": trigger_type,
        "message_category_ids": await db.fetchval(
            "SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM message_category "
            "WHERE instance_id = $1",
            isp.instance_id,
        ),
        **columns,
    }
    return await _add_row(db, "triggered_message", values)


async def add_mass_message(
    db: Database,
    isp: Isp,
    *,
    audience: str = EVERYONE,
    valid_seconds: float = 3600,
    create_time: datetime | None = None,
) -> UUID:
    """An accepted mass message that waits for its expansion, with a body of one segment for each
    company and language."""
    mass_message_id = await _add(
        db,
        "INSERT INTO mass_message (instance_id, saved_message, signature_id, sending_number_id, "
        "outage_start_time, audience, valid_until, create_time, price_list_version) "
        "SELECT id, 'UNPLANNED_OUTAGE_NO_ETA', $2, $3, now(), $4, "
        "clock_timestamp() + make_interval(secs => $5), coalesce($6, clock_timestamp()), "
        "price_list_in_force(currency, clock_timestamp()) FROM instance WHERE id = $1",
        isp.instance_id,
        isp.signature_id,
        isp.sending_number_id,
        audience,
        valid_seconds,
        create_time,
    )
    await db.execute(
        "INSERT INTO body (instance_id, mass_message_id, company_id, language, text, encoding, "
        "characters, billable_segments, carrier_segments) "
        "SELECT c.instance_id, $2, c.id, l, c.name || ' ' || l, 1, 20, 1, 1 "
        "FROM company c, unnest(ARRAY['en', 'fr']) l WHERE c.instance_id = $1",
        isp.instance_id,
        mass_message_id,
    )
    return mass_message_id


async def _add_type(db: Database, instance_id: UUID, name: str, *, capable: bool) -> UUID:
    return await _add(
        db,
        "INSERT INTO phone_number_type (instance_id, name, sms_capable) VALUES ($1, $2, $3)",
        instance_id,
        name,
        capable,
    )


async def _add_row(db: Database, table: str, values: dict[str, Any]) -> UUID:
    columns = ", ".join(values)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    return await _add(
        db,
        f"INSERT INTO {table} ({columns}) VALUES ({places})",
        *values.values(),
    )


async def _add(db: Database, insert: str, *values: Any) -> UUID:
    made: UUID = await db.fetchval(f"{insert} RETURNING id", *values)
    return made
