"""Vendors of an instance, by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("vendors")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A firm whose people are contacts of the instance."""

    id: UUID
    name: str


async def upsert_vendors(db: Connection, instance_id: UUID, names: Sequence[str]) -> list[Vendor]:
    """The vendors of these names, in their order; makes those that do not exist."""
    found = await _find(db, instance_id, names)
    if len(found) < len(set(names)):
        await db.execute(_SQL["add"], instance_id, names)
        found = await _find(db, instance_id, names)
    return [Vendor(found[name], name) for name in names]


async def list_vendors(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[Vendor]:
    """Vendors with an id after `after`, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit)
    return [Vendor(**row) for row in rows]


async def find_existing(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are vendors of the instance."""
    rows = await db.fetch(_SQL["which_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}


async def _find(db: Connection, instance_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    rows = await db.fetch(_SQL["find"], instance_id, names)
    return {row["name"]: row["id"] for row in rows}
