"""Network sites of an instance, by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("network_sites")


@dataclass(frozen=True, slots=True)
class NetworkSite:
    """A place of the network; `accounts` counts those behind it where a list asked for it."""

    id: UUID
    name: str
    accounts: int = 0


async def upsert_network_sites(
    db: Connection, instance_id: UUID, names: Sequence[str]
) -> list[NetworkSite]:
    """The network sites of these names, in their order; makes those that do not exist."""
    found = await _find(db, instance_id, names)
    if len(found) < len(set(names)):
        await db.execute(_SQL["add"], instance_id, names)
        found = await _find(db, instance_id, names)
    return [NetworkSite(found[name], name) for name in names]


async def list_network_sites(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[NetworkSite]:
    """Network sites with an id after `after`, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit)
    return [NetworkSite(**row) for row in rows]


async def find_existing(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are network sites of the instance."""
    rows = await db.fetch(_SQL["which_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}


async def list_names(db: Database, instance_id: UUID) -> list[tuple[str, UUID]]:
    """Name and id of every site, oldest first."""
    rows = await db.fetch(_SQL["list_names"], instance_id)
    return [(row["name"], row["id"]) for row in rows]


async def _find(db: Connection, instance_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    rows = await db.fetch(_SQL["find"], instance_id, names)
    return {row["name"]: row["id"] for row in rows}
