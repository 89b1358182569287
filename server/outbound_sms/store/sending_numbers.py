"""Sending numbers, and the rate of each."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import AlreadyExists, Conflict, NotFound, Reason
from outbound_sms.domain.sending_number import (
    CarrierRoute,
    KeywordReplies,
    SendingNumber,
    SendingNumberChange,
    alone,
)
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("sending_numbers")


def _taken() -> AlreadyExists:
    return AlreadyExists(
        Reason.PHONE_NUMBER_TAKEN, "This number sends already; each has one owner in the service."
    )


async def create_sending_number(
    connection: Connection,
    instance_id: UUID,
    *,
    e164: str,
    carrier: str,
    segments_per_second: float,
    keyword_replies: KeywordReplies = KeywordReplies.US,
    is_default: bool = False,
    enabled: bool = True,
    routes: Sequence[CarrierRoute] = (),
) -> SendingNumber:
    """A new number with its rate; the first of an instance is its default.

    `carrier` is one of the routes when there are any. All or nothing. Raises AlreadyExists
    (PHONE_NUMBER_TAKEN), also when another instance has it.
    """
    async with connection.transaction():
        await connection.execute(_SQL["lock_instance"], instance_id)
        if is_default:
            await connection.execute(_SQL["clear_default"], instance_id, None)
        with translate({"sending_number_unique": _taken}):
            row = await connection.fetchrow(
                _SQL["create"],
                instance_id,
                e164,
                carrier,
                segments_per_second,
                keyword_replies,
                is_default,
                enabled,
                *_arrays(routes),
            )
        assert row is not None
        await connection.execute(_SQL["create_rate"], row["id"], segments_per_second)
    return _number(row)


async def get_sending_number(
    db: Database, instance_id: UUID, sending_number_id: UUID
) -> SendingNumber:
    """The number. Raises NotFound (SENDING_NUMBER_NOT_FOUND)."""
    row = await db.fetchrow(_SQL["get"], instance_id, sending_number_id)
    if row is None:
        raise NotFound(
            Reason.SENDING_NUMBER_NOT_FOUND,
            "No such sending number; ListSendingNumbers has them.",
            id=str(sending_number_id),
        )
    return _number(row)


async def list_sending_numbers(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[SendingNumber]:
    """Numbers oldest first, those after the id `after`."""
    return [_number(row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def update_sending_number(
    connection: Connection,
    instance_id: UUID,
    sending_number_id: UUID,
    version: int | None,
    change: SendingNumberChange,
) -> SendingNumber:
    """The number after the change; `version` None overwrites any. All or nothing.

    Raises NotFound (SENDING_NUMBER_NOT_FOUND) and Conflict (ETAG_MISMATCH).
    """
    async with connection.transaction():
        if change.is_default:
            await connection.execute(_SQL["lock_instance"], instance_id)
            await connection.execute(_SQL["clear_default"], instance_id, sending_number_id)
        row = await connection.fetchrow(
            _SQL["update"],
            instance_id,
            sending_number_id,
            version,
            change.carrier,
            change.segments_per_second,
            change.keyword_replies,
            change.is_default,
            change.enabled,
            *_arrays(change.routes),
        )
        if row is None:
            current = await get_sending_number(connection, instance_id, sending_number_id)
            raise Conflict(
                Reason.ETAG_MISMATCH,
                "The sending number changed since it was read; read it again and repeat.",
                etag=str(current.version),
            )
    return _number(row)


def routes_of(
    carrier: str,
    carriers: Sequence[str],
    weights: Sequence[int],
    senders: Sequence[str | None],
) -> tuple[CarrierRoute, ...]:
    """Who takes the texts of a number, by its columns: `carrier` alone when it has no routes."""
    if not carriers:
        return alone(carrier)
    return tuple(map(CarrierRoute, carriers, weights, senders))


def _arrays(
    routes: Sequence[CarrierRoute] | None,
) -> tuple[list[str] | None, list[int] | None, list[str | None] | None]:
    if routes is None:
        return None, None, None
    return [r.carrier for r in routes], [r.weight for r in routes], [r.sender for r in routes]


def _number(row: asyncpg.Record) -> SendingNumber:
    values = dict(row)
    columns = [values.pop(name) for name in ("route_carriers", "route_weights", "route_senders")]
    values["keyword_replies"] = KeywordReplies(values["keyword_replies"])
    return SendingNumber(**values, routes=tuple(map(CarrierRoute, *columns)))
