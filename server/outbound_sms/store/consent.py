"""The record of consents, and the numbers that must not be texted."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from outbound_sms.domain.consent import ConsentEventKind, ConsentSource
from outbound_sms.domain.import_changes import NewConsentEvent
from outbound_sms.domain.import_state import OptOut
from outbound_sms.store.messages import id_after, id_before
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("consent")


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """A change of an opt-in as recorded. `phone_number_id` None: the number was removed since."""

    id: UUID
    contact_id: UUID | None
    phone_number_id: UUID | None
    e164: str
    kind: ConsentEventKind
    source: ConsentSource
    actor: str
    evidence: str
    occur_time: datetime
    create_time: datetime


@dataclass(frozen=True, slots=True)
class ConsentFilter:
    """Which events: of one E.164 number, recorded from `start` until before `end`. None is any."""

    e164: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number that must not be texted, how the service learned it, and since when."""

    e164: str
    source: ConsentSource
    create_time: datetime


async def now(db: Database) -> datetime:
    """The database's clock, which all processes share."""
    moment: datetime = await db.fetchval(_SQL["now"])
    return moment


async def record_events(
    db: Connection, instance_id: UUID, actor: str, events: Sequence[NewConsentEvent]
) -> None:
    """Appends events. `actor` is the name of the API key that made the change."""
    if not events:
        return
    records = [
        {
            "contact_id": str(event.contact_id),
            "phone_number_id": str(event.phone_number_id),
            "e164": event.e164,
            "kind": event.kind,
            "source": event.source,
            "evidence": event.evidence,
            "occur_time": event.occur_time.isoformat() if event.occur_time else None,
        }
        for event in events
    ]
    await db.execute(_SQL["record"], instance_id, actor, json.dumps(records))


async def find_opt_outs(
    db: Database, instance_id: UUID, numbers: Iterable[str]
) -> dict[str, OptOut]:
    """When the E.164 numbers last opted out in the instance; without those that never did."""
    rows = await db.fetch(_SQL["opt_outs"], instance_id, list(numbers))
    return {row["e164"]: OptOut(row["latest"], row["latest_outside_imports"]) for row in rows}


async def list_events(
    db: Database, instance_id: UUID, before: UUID | None, limit: int, *, e164: str | None
) -> list[ConsentEvent]:
    """Events with an id before `before`, of one number where it is given, newest first."""
    rows = await db.fetch(_SQL["list"], instance_id, before, e164, limit)
    return [_event(row) for row in rows]


async def last_event(db: Database, instance_id: UUID) -> UUID | None:
    """The id of the instance's newest event, None when it has none."""
    last: UUID | None = await db.fetchval(_SQL["last"], instance_id)
    return last


async def list_events_forward(
    db: Database,
    instance_id: UUID,
    wanted: ConsentFilter,
    after: UUID | None,
    last: UUID,
    limit: int,
) -> list[ConsentEvent]:
    """Events with an id after `after`, up to `last` included, oldest first."""
    # Ids go with the time: those of other times need not be looked at.
    if wanted.start is not None:
        earliest = id_before(wanted.start)
        after = max(after or earliest, earliest)
    if wanted.end is not None:
        last = min(last, id_after(wanted.end))
    rows = await db.fetch(
        _SQL["list_forward"],
        instance_id,
        after,
        last,
        wanted.e164,
        wanted.start,
        wanted.end,
        limit,
    )
    return [_event(row) for row in rows]


async def list_suppressions(
    db: Database, instance_id: UUID, before: tuple[datetime, str] | None, limit: int
) -> list[Suppression]:
    """Suppressions of the instance's numbers before this time and number, newest first."""
    moment, e164 = before or (None, None)
    rows = await db.fetch(_SQL["list_suppressions"], instance_id, moment, e164, limit)
    return [
        Suppression(row["e164"], ConsentSource(row["source"]), row["create_time"]) for row in rows
    ]


def _event(row: asyncpg.Record) -> ConsentEvent:
    return ConsentEvent(
        id=row["id"],
        contact_id=row["contact_id"],
        phone_number_id=row["phone_number_id"],
        e164=row["e164"],
        kind=ConsentEventKind(row["kind"]),
        source=ConsentSource(row["source"]),
        actor=row["actor"],
        evidence=row["evidence"],
        occur_time=row["occur_time"],
        create_time=row["create_time"],
    )
