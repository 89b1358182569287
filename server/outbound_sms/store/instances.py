"""Instances: the tenants, and the platform operator's own."""

from uuid import UUID

import asyncpg

from outbound_sms.domain.access import RoleValues
from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.currency import default_currency
from outbound_sms.domain.instance import DataCenter, Instance, InstanceValues
from outbound_sms.domain.language import Language
from outbound_sms.store import api_keys, roles, sql
from outbound_sms.store.pool import Connection, Database

FIRST_KEY = "First key"
MESSAGE_CATEGORIES = ("Financial", "General")

_PLATFORM_NAME = "Platform operator"
_PLATFORM_COUNTRY = "US"
_PLATFORM_TIME_ZONE = "UTC"

_SQL = sql.load("instances")


async def create_instance(connection: Connection, values: InstanceValues) -> Instance:
    """A new tenant with a super-admin's role and the default message categories. All or nothing.

    Sending is on where it is available.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            _SQL["create"],
            values.name,
            values.country,
            values.currency,
            values.time_zone,
            values.default_language,
            values.data_center,
            values.sms_available,
        )
        instance = _instance(_present(row))
        await connection.execute(_SQL["create_message_categories"], instance.id, MESSAGE_CATEGORIES)
        await _create_first_role(connection, instance.id)
    return instance


async def create_instance_with_key(
    connection: Connection, values: InstanceValues
) -> tuple[Instance, str]:
    """A new tenant that can be used at once, and the text of its first API key. All or nothing."""
    async with connection.transaction():
        instance = await create_instance(connection, values)
        role = await roles.get_first_role(connection, instance.id)
        assert role is not None
        secret = make_key()
        await api_keys.create_api_key(connection, instance.id, role.id, FIRST_KEY, secret)
    return instance, secret.text


async def platform_instance(connection: Connection) -> Instance:
    """The platform operator's own instance, made when it is first asked for."""
    async with connection.transaction():
        row = await connection.fetchrow(
            _SQL["create_platform"],
            _PLATFORM_NAME,
            _PLATFORM_COUNTRY,
            default_currency(_PLATFORM_COUNTRY),
            _PLATFORM_TIME_ZONE,
        )
        if row is not None:
            await _create_first_role(connection, row["id"])
        else:
            row = await connection.fetchrow(_SQL["get_platform"])
    return _instance(_present(row))


async def get_instance(db: Database, instance_id: UUID) -> Instance | None:
    """Any instance, the platform's too."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    return _instance(row) if row else None


async def lock_instance(db: Connection, instance_id: UUID) -> Instance | None:
    """An instance that nobody else changes until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id)
    return _instance(row) if row else None


async def list_instances(db: Database, after: UUID | None, limit: int) -> list[Instance]:
    """Tenants oldest first, those after the id `after`."""
    return [_instance(row) for row in await db.fetch(_SQL["list"], after, limit)]


async def update_instance(db: Connection, instance_id: UUID, values: InstanceValues) -> Instance:
    """Writes name, country and data center of an instance that `lock_instance` returned."""
    row = await db.fetchrow(
        _SQL["update"], instance_id, values.name, values.country, values.data_center
    )
    return _instance(_present(row))


async def _create_first_role(connection: Connection, instance_id: UUID) -> None:
    values = RoleValues(roles.SUPER_ADMIN_ROLE, super_admin=True)
    await roles.create_role(connection, instance_id, values)


def _present(row: asyncpg.Record | None) -> asyncpg.Record:
    assert row is not None
    return row


def _instance(row: asyncpg.Record) -> Instance:
    values = InstanceValues(
        name=row["name"],
        country=row["country"],
        currency=row["currency"],
        time_zone=row["time_zone"],
        default_language=Language(row["default_language"]),
        data_center=DataCenter(row["data_center"]),
    )
    return Instance(
        id=row["id"],
        values=values,
        sms_enabled=row["sms_enabled"],
        platform=row["platform"],
        version=row["version"],
        create_time=row["create_time"],
    )
