"""Instances, roles and API keys."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from outbound_sms.domain.access import ApiKey, Instance, Role, StoredKey
from outbound_sms.domain.api_key import ApiKeySecret, make_key
from outbound_sms.domain.errors import AlreadyExists, NotFound, Reason
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database

SUPER_ADMIN_ROLE = "Super-admin"
FIRST_KEY = "First key"
MESSAGE_CATEGORIES = ("Financial", "General")

_SQL = sql.load("access")


async def create_instance(
    connection: Connection,
    *,
    name: str,
    country: str,
    currency: str,
    time_zone: str,
    default_language: str = "en",
) -> tuple[Instance, str]:
    """A new tenant that can be used at once, and the text of its first API key, a super-admin's.

    It has the default message categories Financial and General. All or nothing. Values must have
    been checked: country US or CA, currency such as USD, IANA time zone, language en or fr.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            _SQL["create_instance"], name, country, currency, time_zone, default_language
        )
        assert row is not None
        instance = Instance(**row)
        await connection.execute(_SQL["create_message_categories"], instance.id, MESSAGE_CATEGORIES)
        role = await create_role(
            connection, instance.id, SUPER_ADMIN_ROLE, frozenset(), super_admin=True
        )
        secret = make_key()
        await create_api_key(connection, instance.id, role.id, FIRST_KEY, secret, None)
    return instance, secret.text


async def create_role(
    db: Database, instance_id: UUID, name: str, permissions: Collection[str], *, super_admin: bool
) -> Role:
    """A new role. Raises AlreadyExists (NAME_TAKEN)."""

    def name_taken() -> AlreadyExists:
        return AlreadyExists(Reason.NAME_TAKEN, "A role has this name; choose another.", name=name)

    with translate({"role_name_unique": name_taken}):
        row = await db.fetchrow(
            _SQL["create_role"], instance_id, name, sorted(permissions), super_admin
        )
    assert row is not None
    return _role(row)


async def get_role(db: Database, instance_id: UUID, role_id: UUID) -> Role:
    """The role. Raises NotFound (ROLE_NOT_FOUND)."""
    row = await db.fetchrow(_SQL["get_role"], instance_id, role_id)
    if row is None:
        raise NotFound(Reason.ROLE_NOT_FOUND, "No such role; ListRoles has them.", id=str(role_id))
    return _role(row)


async def list_roles(db: Database, instance_id: UUID, after: UUID | None, limit: int) -> list[Role]:
    """Roles oldest first, those after the id `after`."""
    return [_role(row) for row in await db.fetch(_SQL["list_roles"], instance_id, after, limit)]


async def create_api_key(
    db: Database,
    instance_id: UUID,
    role_id: UUID,
    name: str,
    secret: ApiKeySecret,
    expire_time: datetime | None,
) -> ApiKey:
    """A new key of a role of the same instance."""
    row = await db.fetchrow(
        _SQL["create_api_key"],
        instance_id,
        role_id,
        name,
        secret.lookup_id,
        secret.secret_hash,
        expire_time,
    )
    assert row is not None
    return ApiKey(**row)


async def list_api_keys(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[ApiKey]:
    """Keys oldest first, those after the id `after`."""
    rows = await db.fetch(_SQL["list_api_keys"], instance_id, after, limit)
    return [ApiKey(**row) for row in rows]


async def revoke_api_key(db: Database, instance_id: UUID, api_key_id: UUID) -> ApiKey:
    """Ends a key for good. Raises NotFound (API_KEY_NOT_FOUND)."""
    row = await db.fetchrow(_SQL["revoke_api_key"], instance_id, api_key_id)
    if row is None:
        raise NotFound(
            Reason.API_KEY_NOT_FOUND, "No such API key; ListApiKeys has them.", id=str(api_key_id)
        )
    return ApiKey(**row)


async def find_key(db: Database, lookup_id: str) -> StoredKey | None:
    """The key with this lookup id, also when it has expired or was revoked."""
    row = await db.fetchrow(_SQL["find_key"], lookup_id)
    if row is None:
        return None
    values = dict(row)
    values["permissions"] = frozenset(values["permissions"])
    return StoredKey(**values)


async def list_ended_keys(db: Database, api_key_ids: Collection[UUID]) -> set[UUID]:
    """Those of the keys that were revoked, have expired or are gone."""
    rows = await db.fetch(_SQL["list_ended_keys"], list(api_key_ids))
    return {row["id"] for row in rows}


def _role(row: asyncpg.Record) -> Role:
    return Role(row["id"], row["name"], frozenset(row["permissions"]), row["super_admin"])
