"""Companies and what their departments answer on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from outbound_sms.domain.company import Company, CompanyDepartment, CompanyValues
from outbound_sms.domain.errors import AlreadyExists, Reason
from outbound_sms.domain.language import parse_language
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("companies")


async def create_company(db: Connection, instance_id: UUID, values: CompanyValues) -> Company:
    """Inserts a company. When it is to be the default, the caller holds the accounts lock.

    Raises AlreadyExists with NAME_TAKEN.
    """
    if values.is_default:
        await db.execute(_SQL["clear_default"], instance_id, None)
    with translate({"company_name_unique": lambda: _name_taken(values.name)}):
        row = await db.fetchrow(_SQL["insert"], instance_id, *_columns(values))
    return _company(_present(row), ())


async def update_company(
    db: Connection, instance_id: UUID, company: Company, values: CompanyValues
) -> Company:
    """Writes a company that `lock_company` returned; see `create_company` for the default."""
    if values.is_default:
        await db.execute(_SQL["clear_default"], instance_id, company.id)
    with translate({"company_name_unique": lambda: _name_taken(values.name)}):
        row = await db.fetchrow(_SQL["update"], instance_id, company.id, *_columns(values))
    return _company(_present(row), company.departments)


async def get_company(db: Database, instance_id: UUID, company_id: UUID) -> Company | None:
    """A company with what its departments answer on."""
    row = await db.fetchrow(_SQL["get"], instance_id, company_id)
    return (await _with_departments(db, instance_id, [row]))[0] if row else None


async def lock_company(db: Connection, instance_id: UUID, company_id: UUID) -> Company | None:
    """The same, and nobody else changes it until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, company_id)
    return (await _with_departments(db, instance_id, [row]))[0] if row else None


async def list_companies(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[Company]:
    """Companies with an id after `after`, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit)
    return await _with_departments(db, instance_id, rows)


async def find_existing(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are companies of the instance."""
    rows = await db.fetch(_SQL["which_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}


async def get_default_id(db: Database, instance_id: UUID) -> UUID | None:
    """The company of accounts that name none."""
    found: UUID | None = await db.fetchval(_SQL["get_default"], instance_id)
    return found


async def list_names(db: Database, instance_id: UUID) -> list[tuple[str, UUID, bool]]:
    """Name, id and whether it is the default, of every company, oldest first."""
    rows = await db.fetch(_SQL["list_names"], instance_id)
    return [(row["name"], row["id"], row["is_default"]) for row in rows]


async def set_company_department(
    db: Database, instance_id: UUID, wanted: CompanyDepartment
) -> CompanyDepartment | None:
    """Replaces what a department answers on; None when either is not of the instance."""
    row = await db.fetchrow(
        _SQL["set_department"],
        instance_id,
        wanted.company_id,
        wanted.department_id,
        wanted.phone_number,
        wanted.email_address,
    )
    return CompanyDepartment(**row) if row else None


async def _with_departments(
    db: Database, instance_id: UUID, rows: Sequence[asyncpg.Record]
) -> list[Company]:
    answers: dict[UUID, list[CompanyDepartment]] = defaultdict(list)
    ids = [row["id"] for row in rows]
    for row in await db.fetch(_SQL["list_departments"], instance_id, ids):
        answers[row["company_id"]].append(CompanyDepartment(**row))
    return [_company(row, tuple(answers[row["id"]])) for row in rows]


def _columns(values: CompanyValues) -> tuple[object, ...]:
    return (
        values.name,
        values.country,
        values.language,
        values.customer_portal_url,
        values.enabled,
        values.is_default,
    )


def _company(row: asyncpg.Record, departments: tuple[CompanyDepartment, ...]) -> Company:
    values = CompanyValues(
        name=row["name"],
        country=row["country"],
        language=parse_language(row["language"]),
        customer_portal_url=row["customer_portal_url"],
        enabled=row["enabled"],
        is_default=row["is_default"],
    )
    return Company(row["id"], values, departments, row["version"], row["create_time"])


def _present(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise RuntimeError("a statement that returns its row returned none")
    return row


def _name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        Reason.NAME_TAKEN, "A company has this name; choose another or update that one.", name=name
    )
