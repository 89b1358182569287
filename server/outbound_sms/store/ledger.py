"""The ledger of an instance, read: its entries, and the statement of a month."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from outbound_sms.domain.ledger import (
    Amounts,
    LedgerEntry,
    LedgerEntryKind,
    Statement,
    StatementLine,
    sum_up,
)
from outbound_sms.domain.month import Month
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection

_SQL = sql.load("ledger")

# How far the order of ids may be from that of times: transactions overlap by seconds, but the clock
# of the database may have been set, or be another machine's since, with the hour of another zone.
_SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """What to list. None, or no kinds, is any; `start` is included, `end` is not."""

    kinds: Sequence[int] = ()
    message_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """How an instance counts: its currency, its time zone; and what time the database has."""

    currency: str
    time_zone: str
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return parse_zone(self.time_zone)

    @property
    def this_month(self) -> Month:
        """The month that it is."""
        return Month.of(self.now, self.zone)


async def get_bookkeeping(db: Connection, instance_id: UUID) -> Bookkeeping:
    """How an instance, which must exist, counts."""
    row = await db.fetchrow(_SQL["instance"], instance_id)
    assert row is not None
    return Bookkeeping(row["currency"], row["time_zone"], row["now"])


async def list_entries(
    db: Connection, instance_id: UUID, wanted: LedgerFilter, before: int | None, most: int
) -> list[LedgerEntry]:
    """At most `most` entries, newest first, older than the id `before`.

    The connection must be in a transaction. A time far back is found as fast as the newest entries;
    all of it, unless the clock of the database was ever a day from right.
    """
    await db.execute(_SQL["plan_for_arguments"])
    rows = await db.fetch(
        _SQL["list"],
        instance_id,
        before,
        most,
        wanted.kinds or None,
        wanted.message_id,
        wanted.start,
        wanted.end,
        await _find_id(db, instance_id, wanted.start, -_SLACK) if wanted.start else None,
        await _find_id(db, instance_id, wanted.end, _SLACK) if wanted.end else None,
    )
    return [_entry(row) for row in rows]


async def make_statement(
    db: Connection, instance_id: UUID, month: Month, books: Bookkeeping
) -> Statement:
    """The statement of a month that has begun.

    The connection must be in a transaction of REPEATABLE READ: what it closes and opens with is
    the balance as it stands less what has moved since, so that all sums are of one moment.
    """
    await db.execute(_SQL["plan_for_arguments"])
    days = month.day_starts(books.zone)
    start, end = days[0], days[-1]
    first = await _find_id(db, instance_id, start, -_SLACK)
    middle = await _find_id(db, instance_id, end, -_SLACK)
    last = await _find_id(db, instance_id, end, _SLACK)
    now = _amounts(await db.fetchrow(_SQL["balance"], instance_id))
    since = _amounts(await db.fetchrow(_SQL["moved_since"], instance_id, end, middle))
    rows = await db.fetch(_SQL["lines"], instance_id, days, first, last)
    lines = [_line(month, row) for row in rows]
    closing = now - since
    return Statement(
        month, books.time_zone, books.currency, closing - sum_up(lines), lines, closing
    )


async def _find_id(db: Connection, instance_id: UUID, moment: datetime, shift: timedelta) -> int:
    """An id before which all entries of the instance are older than the shifted moment."""
    with contextlib.suppress(OverflowError):
        # The first and last hours of the calendar cannot be shifted, and nothing is there.
        moment += shift
    found: int = await db.fetchval(_SQL["find_id"], instance_id, moment)
    return found


def _line(month: Month, row: asyncpg.Record) -> StatementLine:
    return StatementLine(
        day=month.days[row["day"] - 1],
        kind=LedgerEntryKind(row["kind"]),
        entries=row["entries"],
        billable_segments=row["billable_segments"],
        moved=_amounts(row),
    )


def _entry(row: asyncpg.Record) -> LedgerEntry:
    return LedgerEntry(
        id=row["id"],
        entry_time=row["entry_time"],
        kind=LedgerEntryKind(row["kind"]),
        amount_micros=row["amount_micros"],
        message_id=row["message_id"],
        top_up_id=row["top_up_id"],
        moved=_amounts(row),
        note=row["note"] or "",
    )


def _amounts(row: asyncpg.Record | None) -> Amounts:
    assert row is not None
    return Amounts(row["available_micros"], row["held_micros"], row["spent_micros"])
