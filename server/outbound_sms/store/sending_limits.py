"""Limits against fraud, and what has been sent under them. The claim counts: `dispatch.sql`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from outbound_sms.domain.sending_limits import LARGEST, SendingLimit, SendingLimits, SendingUsage
from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("sending_limits")


class AlertKind(IntEnum):
    """What a claim ran into."""

    MESSAGES_PER_DAY = 2
    SPEND_PER_DAY = 3
    SURGE = 4
    MESSAGES_PER_PREFIX = 5


@dataclass(frozen=True, slots=True)
class SendingAlert:
    """A limit of an instance was reached. `messages` is how many had been counted by it then; of a
    prefix, how many were made to wait."""

    instance_id: UUID
    kind: AlertKind
    messages: int


async def get_sending_limits(
    db: Database, instance_id: UUID
) -> tuple[SendingLimits, SendingUsage] | None:
    """The limits of an instance and what is used of them now; None for an unknown instance."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    if row is None:
        return None
    limits = SendingLimits(version=row["version"], **{name: row[name] for name in LARGEST})
    usage = SendingUsage(
        messages_this_minute=row["minute_messages"],
        messages_today=row["day_messages"],
        spent_today_micros=row["day_spent"],
        triggered_this_hour=row["hour_triggered"],
        usual_triggered_per_hour=row["usual_triggered"],
        reached=tuple(map(SendingLimit, row["reached"])),
        surge_pause_time=row["surge_pause_time"],
    )
    return limits, usage


async def update_sending_limits(
    db: Database, instance_id: UUID, version: int | None, change: Mapping[str, int]
) -> bool:
    """Sets the limits that are named, which must have been checked; `version` None overwrites any.

    Returns whether the instance has that version. Without a `surge_multiple` nothing is paused any
    more.
    """
    wanted = [change.get(name) for name in LARGEST]
    found = await db.fetchval(_SQL["update"], instance_id, version, *wanted)
    return found is not None


async def resume_triggered_messages(db: Database, instance_id: UUID) -> None:
    """Ends a pause of the triggered messages; until the hour is over there is no other."""
    await db.execute(_SQL["resume"], instance_id)


async def take_alerts(db: Database) -> list[SendingAlert]:
    """Up to a hundred limits that were reached, which nobody else gets."""
    rows = await db.fetch(_SQL["take_alerts"])
    return [SendingAlert(row[0], AlertKind(row[1]), row[2]) for row in rows]


async def forget_old_hours(db: Database) -> int:
    """Deletes counts of hours that are long over; returns how many."""
    count: int = await db.fetchval(_SQL["forget"])
    return count


async def count_paused(db: Database) -> int:
    """Instances whose triggered messages are paused."""
    count: int = await db.fetchval(_SQL["count_paused"])
    return count
