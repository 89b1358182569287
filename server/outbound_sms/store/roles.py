"""Roles."""

from contextlib import AbstractContextManager
from uuid import UUID

import asyncpg

from outbound_sms.domain.access import Role, RoleValues
from outbound_sms.domain.errors import AlreadyExists, Reason, WrongState
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database

SUPER_ADMIN_ROLE = "Super-admin"
"""Name of the role that an instance is made with."""

_SQL = sql.load("roles")


async def lock_access(db: Connection, instance_id: UUID) -> None:
    """Makes the transaction the only one that changes roles and API keys of the instance."""
    await db.execute(_SQL["lock"], instance_id)


async def create_role(db: Database, instance_id: UUID, values: RoleValues) -> Role:
    """A new role. Raises AlreadyExists (NAME_TAKEN)."""
    with _translated(values):
        row = await db.fetchrow(_SQL["create"], instance_id, *_columns(values))
    return _role(_present(row))


async def get_role(db: Database, instance_id: UUID, role_id: UUID) -> Role | None:
    """A role that is not deleted."""
    row = await db.fetchrow(_SQL["get"], instance_id, role_id)
    return _role(row) if row else None


async def get_first_role(db: Database, instance_id: UUID) -> Role | None:
    """The super-admin's role that the instance was made with; None when there is no instance."""
    row = await db.fetchrow(_SQL["get_first"], instance_id)
    return _role(row) if row else None


async def list_roles(db: Database, instance_id: UUID, after: UUID | None, limit: int) -> list[Role]:
    """Roles oldest first, those after the id `after`."""
    return [_role(row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def update_role(db: Connection, instance_id: UUID, role_id: UUID, values: RoleValues) -> Role:
    """Writes a role that exists and is not locked; the caller holds `lock_access`.

    Raises AlreadyExists (NAME_TAKEN).
    """
    with _translated(values):
        row = await db.fetchrow(_SQL["update"], instance_id, role_id, *_columns(values))
    return _role(_present(row))


async def delete_role(db: Connection, instance_id: UUID, role_id: UUID) -> None:
    """Deletes a role that exists and is not locked; the caller holds `lock_access`.

    Raises WrongState (IN_USE) while a key works that has it. Keys that have ended keep it.
    """
    user = await db.fetchval(_SQL["find_working_key"], instance_id, role_id)
    if user is not None:
        raise WrongState(
            Reason.IN_USE,
            "An API key that works has this role; revoke the key first.",
            used_by="api_key",
            id=str(user),
        )
    await db.execute(_SQL["delete"], instance_id, role_id)


def _translated(values: RoleValues) -> AbstractContextManager[None]:
    def name_taken() -> AlreadyExists:
        return AlreadyExists(
            Reason.NAME_TAKEN, "A role has this name; choose another.", name=values.name
        )

    return translate({"role_name_unique": name_taken})


def _columns(values: RoleValues) -> tuple[str, list[str], bool]:
    return values.name, sorted(values.permissions), values.super_admin


def _present(row: asyncpg.Record | None) -> asyncpg.Record:
    assert row is not None
    return row


def _role(row: asyncpg.Record) -> Role:
    values = RoleValues(row["name"], frozenset(row["permissions"]), row["super_admin"])
    return Role(row["id"], values, row["locked"], row["version"])
