"""How instances pay, and whether they top up by themselves."""

from dataclasses import fields
from uuid import UUID

import asyncpg

from outbound_sms.domain.auto_buy import AutoBuy, AutoBuyObstacle, AutoBuyValues
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("auto_buy")
_COLUMNS = tuple(field.name for field in fields(AutoBuyValues))
_DEFAULTS = AutoBuy(AutoBuyValues(), 1, None)


async def get_auto_buy(db: Database, instance_id: UUID) -> AutoBuy:
    """The settings, and what is in the way now; the defaults where nobody has set any."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    return _auto_buy(row) if row else _DEFAULTS


async def lock_auto_buy(db: Connection, instance_id: UUID) -> AutoBuy:
    """The settings, which nobody else changes or buys by until the transaction ends."""
    await db.execute(_SQL["lock_balance"], instance_id)
    return await get_auto_buy(db, instance_id)


async def write_auto_buy(db: Connection, instance_id: UUID, values: AutoBuyValues) -> AutoBuy:
    """Writes settings that keep the rules, after `lock_auto_buy`; opens the top-up that is wanted.

    A decline of the past hour counts no longer.
    """
    given = [getattr(values, name) for name in _COLUMNS]
    await db.execute(_SQL["write"], instance_id, *given)
    await open_wanted(db, instance_id)
    return await get_auto_buy(db, instance_id)


async def list_wanted(db: Database) -> list[UUID]:
    """Instances of all that are below their threshold and have no automatic top-up open."""
    return [row["instance_id"] for row in await db.fetch(_SQL["list_wanted"])]


async def open_wanted(db: Database, instance_id: UUID) -> bool:
    """Opens the automatic top-up of an instance where it is wanted and allowed.

    Returns whether one is open now.
    """
    return await db.fetchval(_SQL["open"], instance_id) is not None


def _auto_buy(row: asyncpg.Record) -> AutoBuy:
    obstacle = row["obstacle"]
    return AutoBuy(
        AutoBuyValues(**{name: row[name] for name in _COLUMNS}),
        row["version"],
        AutoBuyObstacle(obstacle) if obstacle is not None else None,
    )
