"""Messages as they are listed and shown: with the names of whom they went to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from outbound_sms.domain.message_hold import HoldRules
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("messages")

# 5 s of UUIDv7: an id is made in the same statement as the row's time, not in the same microsecond.
_SLACK = 5_000 << 80
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What to list. None, or no statuses, is any; `start` is included, `end` is not."""

    statuses: Sequence[int] = ()
    kind: int | None = None
    mass_message_id: UUID | None = None
    triggered_message_id: UUID | None = None
    account_id: UUID | None = None
    contact_id: UUID | None = None
    phone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    reject_reason: str | None = None


class Row(Protocol):
    """The columns of one statement by name; not copied into objects, as a page may have 1,000."""

    def __getitem__(self, column: str, /) -> Any: ...  # pragma: no cover


@dataclass(frozen=True, slots=True)
class MessageList:
    """Rows of the statement `list`, newest first, and the head of the feed in the same snapshot."""

    rows: Sequence[Row]
    head: int
    epoch: int


async def list_messages(
    connection: Connection, instance_id: UUID, wanted: MessageFilter, after: UUID | None, most: int
) -> MessageList:
    """At most `most` messages older than `after`. The connection must be in a transaction."""
    await connection.execute(_SQL["plan_for_arguments"])
    rows = await connection.fetch(
        _SQL["list"],
        instance_id,
        after,
        most,
        wanted.statuses or None,
        wanted.kind,
        wanted.mass_message_id,
        wanted.account_id,
        wanted.contact_id,
        wanted.phone,
        wanted.start,
        wanted.end,
        wanted.reject_reason,
        id_before(wanted.start) if wanted.start else None,
        id_after(wanted.end) if wanted.end else None,
        wanted.triggered_message_id,
    )
    first = rows[0]
    return MessageList([] if first["id"] is None else rows, first["head"], first["epoch"])


async def get_messages(db: Database, instance_id: UUID, wanted: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the messages that exist, by id, with body, history and attempts.

    Columns are those of the statement `get`, and what `read_hold_rules` needs.
    """
    rows = await db.fetch(_SQL["get"], instance_id, wanted)
    return {row["id"]: row for row in rows}


async def get_hold_rules(db: Database, instance_id: UUID) -> HoldRules:
    """What the instance, which must exist, holds all its messages by at this moment."""
    row = await db.fetchrow(_SQL["hold_rules"], instance_id)
    assert row is not None
    return read_hold_rules(row)


def read_hold_rules(row: Row) -> HoldRules:
    """The same, from a row of the statement `get`."""
    quiet_hours = None
    if row["quiet_start"] is not None:
        mode = QuietMode(row["quiet_mode"])
        quiet_hours = QuietHours(row["quiet_start"], row["quiet_end"], mode)
    return HoldRules(
        sms_enabled=row["sms_enabled"],
        quiet_hours=quiet_hours,
        time_zone=row["time_zone"],
        now=row["now"],
        waits_until=row["waits_until"],
        limits_until=row["limits_until"],
        surge_paused=bool(row["surge_paused"]),
    )


async def count_messages(
    db: Database, instance_id: UUID, start: datetime, end: datetime
) -> Sequence[Row]:
    """`status`, `reject_reason`, `messages`, `billable_segments` and `cost_micros` of each pair."""
    return await db.fetch(
        _SQL["count"],
        instance_id,
        start,
        end,
        id_before(start),
        id_after(end),
    )


async def country_of(db: Database, instance_id: UUID) -> str | None:
    """The instance's country, two letters."""
    country: str | None = await db.fetchval(_SQL["country"], instance_id)
    return country


def id_before(moment: datetime) -> UUID:
    """A bound that is not above the id of any row whose time is `moment` or later."""
    return UUID(int=max(0, lowest_id(moment).int - _SLACK))


def id_after(moment: datetime) -> UUID:
    """A bound above the id of every row whose time is before `moment`."""
    return UUID(int=min(_LAST_ID.int, lowest_id(moment).int + _SLACK))


def lowest_id(moment: datetime) -> UUID:
    """A bound below every UUIDv7 that was made at `moment` or later (RFC 9562 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    if milliseconds <= 0:
        return UUID(int=0)
    return UUID(int=milliseconds << 80) if milliseconds < 2**48 else _LAST_ID
