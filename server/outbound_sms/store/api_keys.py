"""API keys. Their secrets are not kept."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outbound_sms.domain.access import ApiKey, Rights, StoredKey
from outbound_sms.domain.api_key import ApiKeySecret
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("api_keys")


async def create_api_key(
    db: Database,
    instance_id: UUID,
    role_id: UUID,
    name: str,
    secret: ApiKeySecret,
    expire_time: datetime | None = None,
) -> ApiKey:
    """A new key of a role of the same instance, which nobody may be deleting."""
    row = await db.fetchrow(
        _SQL["create"],
        instance_id,
        role_id,
        name,
        secret.lookup_id,
        secret.secret_hash,
        expire_time,
    )
    assert row is not None
    return ApiKey(**row)


async def get_api_key(db: Database, instance_id: UUID, api_key_id: UUID) -> ApiKey | None:
    """A key, also one that has ended."""
    row = await db.fetchrow(_SQL["get"], instance_id, api_key_id)
    return ApiKey(**row) if row else None


async def list_api_keys(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[ApiKey]:
    """Keys oldest first, those after the id `after`."""
    return [ApiKey(**row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def revoke_api_key(db: Database, instance_id: UUID, api_key_id: UUID) -> ApiKey | None:
    """Ends a key for good; None when there is none."""
    row = await db.fetchrow(_SQL["revoke"], instance_id, api_key_id)
    return ApiKey(**row) if row else None


async def expire_api_key(
    db: Database, instance_id: UUID, api_key_id: UUID, after: timedelta
) -> ApiKey | None:
    """Makes a key end `after` from now, or sooner if it would have; None when it has ended."""
    row = await db.fetchrow(_SQL["expire"], instance_id, api_key_id, after)
    return ApiKey(**row) if row else None


async def get_rights(db: Database, instance_id: UUID, api_key_id: UUID) -> Rights | None:
    """What a key allows at this moment; None when it has ended."""
    row = await db.fetchrow(_SQL["get_rights"], instance_id, api_key_id)
    return _rights(row) if row else None


async def find_key(db: Database, lookup_id: str) -> StoredKey | None:
    """The key with this lookup id, of any instance, also when it has expired or was revoked."""
    row = await db.fetchrow(_SQL["find"], lookup_id)
    if row is None:
        return None
    return StoredKey(
        instance_id=row["instance_id"],
        api_key_id=row["api_key_id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        rights=_rights(row),
        expire_time=row["expire_time"],
        revoke_time=row["revoke_time"],
    )


async def list_rights(db: Database, api_key_ids: Collection[UUID]) -> dict[UUID, Rights]:
    """What each of the keys, of any instance, allows at this moment, without those that ended."""
    rows = await db.fetch(_SQL["list_rights"], list(api_key_ids))
    return {row["id"]: _rights(row) for row in rows}


async def set_last_use(db: Database, ages: Mapping[UUID, float]) -> None:
    """Writes when keys, of any instance, were last used: seconds before now, by key."""
    await db.execute(_SQL["set_last_use"], list(ages), list(ages.values()))


def _rights(row: asyncpg.Record) -> Rights:
    return Rights(frozenset(row["permissions"]), row["super_admin"], row["platform_operator"])
