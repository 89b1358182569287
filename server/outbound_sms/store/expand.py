"""Making the texts of a mass message, a chunk of accounts at a time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.store import sql
from outbound_sms.store.pool import Connection

_SQL = sql.load("expand")


@dataclass(frozen=True, slots=True)
class Expanding:
    """A mass message that still lacks texts; its row is locked by the transaction that read it.

    `expand_after` is the last account that has its texts. `audience` is canonical JSON. Without a
    `price_list_version` it was accepted before there was a ledger, and is free.
    """

    id: UUID
    instance_id: UUID
    audience: str
    sending_number_id: UUID
    create_time: datetime
    valid_until: datetime
    price_list_version: int | None
    expand_after: UUID | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next accounts of a mass message; `last_account` is None when there are none."""

    accounts: int
    last_account: UUID | None


@dataclass(frozen=True, slots=True)
class Made:
    """Texts that a chunk has made, and their carrier segments."""

    recipients: int
    segments: int


async def lock_next(connection: Connection) -> Expanding | None:
    """Takes a mass message that is being expanded; None when all are taken or there are none.

    The transaction must hold from here to `advance`: it is what keeps two processes apart.
    """
    await connection.fetchval(_SQL["custom_plans"])
    row = await connection.fetchrow(_SQL["lock_next"])
    return None if row is None else Expanding(**row)


async def find_chunk(connection: Connection, work: Expanding, accounts: int) -> Chunk:
    """The next accounts, at most `accounts` of them."""
    row = await connection.fetchrow(
        _SQL["find_chunk"],
        work.instance_id,
        work.audience,
        work.create_time,
        work.expand_after,
        accounts,
    )
    assert row is not None
    return Chunk(**row)


async def write_chunk(connection: Connection, work: Expanding, chunk: Chunk) -> Made:
    """Writes the texts for the chunk's accounts."""
    row = await connection.fetchrow(
        _SQL["write_chunk"],
        work.instance_id,
        work.audience,
        work.create_time,
        work.expand_after,
        chunk.last_account,
        work.id,
        work.sending_number_id,
        work.valid_until,
        work.price_list_version,
    )
    assert row is not None
    return Made(**row)


async def advance(
    connection: Connection, work: Expanding, chunk: Chunk, made: Made, *, complete: bool
) -> None:
    """Records that the chunk is written; `complete` when it was the last."""
    await connection.execute(
        _SQL["advance"], work.id, chunk.last_account, made.recipients, made.segments, complete
    )
