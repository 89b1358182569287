"""Accounts, read and written many at a time."""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from outbound_sms.domain.account import Account, AccountValues
from outbound_sms.domain.language import parse_language
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("accounts")


async def lock_accounts(db: Connection, instance_id: UUID) -> None:
    """Makes the transaction the only one that writes accounts or exclusive flags of the instance.

    Take it before anything else is written, or two such transactions may wait for each other.
    """
    await db.execute(_SQL["lock"], instance_id)


async def plan_for_many(db: Connection) -> None:
    """Plans the statements of the transaction for many rows in tables that may be growing fast."""
    await db.execute(_SQL["plan_afresh"])


async def insert_accounts(
    db: Connection, instance_id: UUID, accounts: Sequence[tuple[UUID, AccountValues]]
) -> None:
    """Inserts accounts under these ids (of `new_ids`); the caller holds `lock_accounts`."""
    if accounts:
        await db.execute(_SQL["insert"], instance_id, _records(accounts))


async def update_accounts(
    db: Connection, instance_id: UUID, accounts: Sequence[tuple[UUID, AccountValues]]
) -> None:
    """Replaces the values of accounts; the caller holds `lock_accounts`."""
    if accounts:
        await db.execute(_SQL["update"], instance_id, _records(accounts))


async def find_accounts(
    db: Database, instance_id: UUID, numbers: Iterable[str]
) -> dict[str, Account]:
    """Those of the account numbers that exist, by account number."""
    rows = await db.fetch(_SQL["find"], instance_id, list(numbers))
    return {row["account_number"]: _account(row) for row in rows}


async def get_account(db: Database, instance_id: UUID, account_id: UUID) -> Account | None:
    """One account by id."""
    row = await db.fetchrow(_SQL["get"], instance_id, account_id)
    return _account(row) if row else None


async def list_accounts(
    db: Database,
    instance_id: UUID,
    after: UUID | None,
    limit: int,
    *,
    company_id: UUID | None,
    network_site_id: UUID | None,
    status: str | None,
) -> list[Account]:
    """Accounts with an id after `after` that match every filter that is given, oldest first."""
    rows = await db.fetch(
        _SQL["list"], instance_id, after, company_id, network_site_id, status, limit
    )
    return [_account(row) for row in rows]


async def find_ancestors(db: Database, instance_id: UUID, numbers: Iterable[str]) -> dict[str, str]:
    """Account number to parent's account number, for the accounts and all above them."""
    rows = await db.fetch(_SQL["ancestors"], instance_id, list(numbers))
    return {row["account_number"]: row["parent_account_number"] for row in rows}


async def new_ids(db: Database, count: int) -> list[UUID]:
    """Ids in ascending order for `count` rows to insert."""
    rows = await db.fetch(_SQL["new_ids"], count) if count else []
    return [row["id"] for row in rows]


def _records(accounts: Sequence[tuple[UUID, AccountValues]]) -> str:
    return json.dumps(
        [
            {
                "id": str(id_),
                "account_number": values.account_number,
                "name": values.name,
                "company_id": str(values.company_id),
                "parent_account_id": _text(values.parent_account_id),
                "status": values.status,
                "type": values.type,
                "language": values.language,
                "delinquent": values.delinquent,
                "region": values.region,
                "groups": values.groups,
                "services": values.services,
                "inventory_items": values.inventory_items,
                "subnets": values.subnets,
                "ip_pools": values.ip_pools,
                "network_site_ids": [str(site) for site in values.network_site_ids],
            }
            for id_, values in accounts
        ]
    )


def _account(row: asyncpg.Record) -> Account:
    values = AccountValues(
        account_number=row["account_number"],
        name=row["name"],
        company_id=row["company_id"],
        parent_account_id=row["parent_account_id"],
        status=row["status"],
        type=row["type"],
        language=parse_language(row["language"]),
        delinquent=row["delinquent"],
        region=row["region"],
        groups=tuple(row["groups"]),
        services=tuple(row["services"]),
        inventory_items=tuple(row["inventory_items"]),
        subnets=tuple(row["subnets"]),
        ip_pools=tuple(row["ip_pools"]),
        network_site_ids=tuple(row["network_site_ids"]),
    )
    return Account(row["id"], values, row["parent_account_number"], row["create_time"])


def _text(id_: UUID | None) -> str | None:
    return None if id_ is None else str(id_)
