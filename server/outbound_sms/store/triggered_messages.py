"""Triggered messages: which events are texted, and how."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import AlreadyExists, Reason
from outbound_sms.domain.triggered_message import TriggeredMessage, TriggeredMessageValues
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("triggered_messages")


async def create_triggered_message(
    db: Database, instance_id: UUID, values: TriggeredMessageValues
) -> TriggeredMessage:
    """Inserts a triggered message. Raises AlreadyExists (NAME_TAKEN)."""
    with _translated(values):
        row = await db.fetchrow(
            _SQL["insert"],
            instance_id,
            values.name,
            values.enabled,
            values.trigger_type,
            *_changeable(values),
        )
    assert row is not None
    return _triggered_message(row)


async def get_triggered_message(
    db: Database, instance_id: UUID, triggered_message_id: UUID
) -> TriggeredMessage | None:
    """A triggered message that is not deleted."""
    row = await db.fetchrow(_SQL["get"], instance_id, triggered_message_id)
    return _triggered_message(row) if row else None


async def lock_triggered_message(
    db: Connection, instance_id: UUID, triggered_message_id: UUID
) -> TriggeredMessage | None:
    """A triggered message that nobody else changes until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, triggered_message_id)
    return _triggered_message(row) if row else None


async def list_triggered_messages(
    db: Database,
    instance_id: UUID,
    after: UUID | None,
    limit: int,
    *,
    trigger_type: str | None = None,
) -> list[TriggeredMessage]:
    """Those with an id after `after`, oldest first; of one trigger type, or of any."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit, trigger_type)
    return [_triggered_message(row) for row in rows]


async def list_for_types(
    db: Database, instance_id: UUID, trigger_types: Sequence[str]
) -> list[TriggeredMessage]:
    """All of these trigger types, enabled or not, oldest first, in one round trip."""
    rows = await db.fetch(_SQL["list_for_types"], instance_id, trigger_types)
    return [_triggered_message(row) for row in rows]


async def update_triggered_message(
    db: Connection, instance_id: UUID, wanted: TriggeredMessage
) -> TriggeredMessage:
    """Writes what `lock_triggered_message` returned, with other values; the version goes up.

    The trigger type stays as it is. Raises AlreadyExists (NAME_TAKEN).
    """
    with _translated(wanted):
        row = await db.fetchrow(
            _SQL["update"],
            instance_id,
            wanted.id,
            wanted.name,
            wanted.enabled,
            *_changeable(wanted),
        )
    assert row is not None
    return _triggered_message(row)


async def delete_triggered_message(
    db: Database, instance_id: UUID, triggered_message_id: UUID
) -> bool:
    """Deletes a triggered message; False when there is none."""
    return await db.fetchval(_SQL["delete"], instance_id, triggered_message_id) is not None


def _changeable(values: TriggeredMessageValues) -> tuple[object, ...]:
    return (
        values.count,
        values.job_type,
        values.signature_id,
        values.sending_number_id,
        values.allow_child_accounts,
        values.message_category_ids,
    )


def _triggered_message(row: asyncpg.Record) -> TriggeredMessage:
    columns = dict(row)
    columns["message_category_ids"] = tuple(columns["message_category_ids"])
    return TriggeredMessage(**columns)


def _translated(values: TriggeredMessageValues) -> AbstractContextManager[None]:
    return translate(
        {
            "triggered_message_name_unique": lambda: AlreadyExists(
                Reason.NAME_TAKEN,
                "A triggered message has this name; choose another or update that one.",
                name=values.name,
            )
        }
    )
