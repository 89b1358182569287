"""Message categories: groups of messages that a contact may want or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.contact import MOST_CATEGORIES
from outbound_sms.domain.errors import AlreadyExists, Reason
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("message_categories")


@dataclass(frozen=True, slots=True)
class MessageCategory:
    """A category; a default one is given to new contacts for whom none are named."""

    id: UUID
    name: str
    is_default: bool


async def create_category(
    db: Connection, instance_id: UUID, name: str, *, is_default: bool, for_existing: bool
) -> MessageCategory:
    """Inserts a category, and gives it to every contact that exists where `for_existing`.

    Raises AlreadyExists with NAME_TAKEN.
    """

    def taken() -> AlreadyExists:
        return AlreadyExists(
            Reason.NAME_TAKEN, "A message category has this name; choose another.", name=name
        )

    with translate({"message_category_name_unique": taken}):
        id_: UUID = await db.fetchval(_SQL["insert"], instance_id, name, is_default)
    if for_existing:
        await db.execute(_SQL["give_to_all"], instance_id, id_, MOST_CATEGORIES)
    return MessageCategory(id_, name, is_default)


async def add_categories(db: Connection, instance_id: UUID, names: Sequence[str]) -> None:
    """Makes those of the names that do not exist, as categories that are no default."""
    await db.execute(_SQL["add"], instance_id, names)


async def list_categories(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[MessageCategory]:
    """Categories with an id after `after`, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit)
    return [MessageCategory(**row) for row in rows]


async def list_all(db: Database, instance_id: UUID) -> list[MessageCategory]:
    """Every category of the instance, oldest first."""
    rows = await db.fetch(_SQL["list_names"], instance_id)
    return [MessageCategory(**row) for row in rows]


async def list_default_ids(db: Database, instance_id: UUID) -> tuple[UUID, ...]:
    """What a contact gets for whom none are named."""
    rows = await db.fetch(_SQL["list_defaults"], instance_id)
    return tuple(row["id"] for row in rows)


async def find_existing(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are categories of the instance."""
    rows = await db.fetch(_SQL["which_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}
