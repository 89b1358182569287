"""The queue: claims, intents and outcomes. Every write names the fence of its lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import accumulate
from uuid import UUID

from outbound_sms.domain.carrier_message_id import is_usable
from outbound_sms.domain.quiet_hours import QuietHours
from outbound_sms.domain.sending_number import CarrierRoute
from outbound_sms.store.pool import Database
from outbound_sms.store.quiet_hours import quiet_hours_of
from outbound_sms.store.sending_numbers import routes_of
from outbound_sms.store.sql import load

_SQL = load("dispatch")


class AttemptOutcome(IntEnum):
    """What became of one hand-over. NONE stands for a hand-over that was never begun."""

    NONE = 0
    ACCEPTED = 1
    REFUSED = 2
    THROTTLED = 3
    NOT_SENT = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class ReadyGroup:
    """Messages that quiet hours hold or release together: those of one sending number, priority
    and key of recipients' time zones (`RecipientZone.key`; empty: never held).

    `routes` are the carriers of the number. `due_time` is that of the first message. `wait` is the
    seconds until the rate of the number allows some. `hours` and `time_zone` are the instance's by
    the settings of that version, `now` is the time of the look by the database's clock.
    """

    hours: QuietHours | None
    routes: tuple[CarrierRoute, ...]
    time_zone: str
    settings_version: int
    instance_id: UUID
    sending_number_id: UUID
    priority: int
    zones: str
    due_time: datetime
    wait: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """A time in which quiet hours do not hold a group, by the settings of that version.

    From `since` to before `until`, by the database's clock; `start_by` is `until` by `lease_clock`.
    `quiet_check` is kept with a message that is handed over meanwhile; None without quiet hours.
    """

    settings_version: int
    since: datetime
    until: datetime
    start_by: float
    quiet_check: str | None


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group that may be claimed from now; without `opening` quiet hours never hold it.

    `routes`: the carriers of the number, its only one among them where it has no routes.
    """

    sending_number_id: UUID
    priority: int
    zones: str
    opening: Opening | None
    routes: tuple[CarrierRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message under a lease of ours, with its group. `segments` are carrier segments.

    `last_carrier`: the one that an earlier hand-over of it was meant for, which it did not take.
    `number` is the sending number, E.164.
    """

    group: OpenGroup
    message_id: UUID
    fence: int
    failures: int
    last_carrier: str | None
    number: str
    phone: str
    body_id: UUID
    segments: int
    valid_until: datetime

    def sender(self, carrier: str) -> str | None:
        """What that carrier is told as the sender instead of the number, if anything is."""
        found = (route.sender for route in self.group.routes if route.carrier == carrier)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome after which nothing is left to do. `status` is 3 sent or 5 failed.

    `parts`: the carrier's id of each part, where receipts will name those and nothing else.
    """

    message_id: UUID
    fence: int
    status: int
    reason: str | None
    carrier: str
    outcome: AttemptOutcome
    carrier_message_id: str | None = None
    carrier_code: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A message that surely did not reach the carrier, due again in `pause` seconds.

    `failures` is what the hand-over adds to the tries that count: 0 for a throttled one.
    """

    message_id: UUID
    fence: int
    pause: float
    failures: int
    carrier: str
    outcome: AttemptOutcome
    reason: str | None = None
    carrier_code: str | None = None


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages outstanding, by where they stand."""

    ready: int
    leased: int
    in_doubt: int


async def ready_groups(db: Database) -> list[ReadyGroup]:
    """Groups with messages that are due, of instances whose sending is on, in instance order."""
    rows = await db.fetch(_SQL["ready_groups"])
    return [ReadyGroup(quiet_hours_of(*row[:3]), routes_of(*row[3:7]), *row[7:]) for row in rows]


async def claim(
    db: Database, groups: Sequence[OpenGroup], *, most_each: int, owner: UUID, lease_seconds: float
) -> list[Claimed]:
    """Leases messages of the groups, up to `most_each` of a sending number, as its rate allows.

    The groups of a number are emptied one after the other, in the order in which they are given.
    """
    rows = await db.fetch(
        _SQL["claim"],
        [group.sending_number_id for group in groups],
        [group.priority for group in groups],
        [group.zones for group in groups],
        most_each,
        owner,
        lease_seconds,
    )
    return [Claimed(groups[row[0] - 1], *row[1:]) for row in rows]


async def intend(
    db: Database, messages: Sequence[Claimed], *, carrier: str, owner: UUID, lease_left: float
) -> dict[UUID, int]:
    """Commits that `carrier` is about to be asked. Returns the number of each attempt.

    A message that is missing in the answer must not be handed over: its lease has less than
    `lease_left` seconds, or is lost, its number has replied STOP, quiet hours hold it now, or the
    settings have changed since the claim.
    """
    messages = sorted(messages, key=lambda m: m.message_id)
    openings = [m.group.opening for m in messages]
    # Missing values are NULL to the statement, and long lists of nothing cost their time.
    if not any(openings):
        openings = []
    senders = [m.sender(carrier) for m in messages]
    if not any(senders):
        senders = []
    rows = await db.fetch(
        _SQL["intend"],
        [m.message_id for m in messages],
        [m.fence for m in messages],
        owner,
        lease_left,
        [o and o.settings_version for o in openings],
        [o and o.since for o in openings],
        [o and o.until for o in openings],
        [o and o.quiet_check for o in openings],
        carrier,
        senders,
    )
    return {row[0]: row[1] for row in rows}


async def settle(db: Database, outcomes: Sequence[Settled], *, owner: UUID) -> set[UUID]:
    """Ends the work on messages. Returns those whose lease still held; the others are unchanged."""
    parts = [part if is_usable(part) else "" for o in outcomes for part in o.parts]
    before = accumulate((len(o.parts) for o in outcomes), initial=0)
    placed = sorted(zip(outcomes, before, strict=False), key=lambda place: place[0].message_id)
    outcomes = [o for o, _ in placed]
    rows = await db.fetch(
        _SQL["settle"],
        owner,
        [o.message_id for o in outcomes],
        [o.fence for o in outcomes],
        [o.status for o in outcomes],
        [o.reason for o in outcomes],
        [o.carrier for o in outcomes],
        [o.outcome for o in outcomes],
        [o.carrier_message_id for o in outcomes],
        [o.carrier_code for o in outcomes],
        # Missing values are NULL to the statement, and most carriers name no parts.
        [len(o.parts) for o in outcomes] if parts else [],
        [parts_before for _, parts_before in placed] if parts else [],
        parts,
    )
    return {row[0] for row in rows}


async def give_back(db: Database, outcomes: Sequence[GivenBack], *, owner: UUID) -> set[UUID]:
    """Returns messages to the queue. Returns those whose lease still held."""
    outcomes = sorted(outcomes, key=lambda o: o.message_id)
    rows = await db.fetch(
        _SQL["give_back"],
        owner,
        [o.message_id for o in outcomes],
        [o.fence for o in outcomes],
        [o.pause for o in outcomes],
        [o.failures for o in outcomes],
        [o.carrier for o in outcomes],
        [o.outcome for o in outcomes],
        [o.reason for o in outcomes],
        [o.carrier_code for o in outcomes],
    )
    return {row[0] for row in rows}


async def bodies(db: Database, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The texts of bodies, by id."""
    return {row[0]: row[1] for row in await db.fetch(_SQL["bodies"], ids)}


async def queue_depth(db: Database) -> QueueDepth:
    """What is outstanding now; a full scan of the queue, so for metrics only."""
    row = await db.fetchrow(_SQL["queue_depth"])
    assert row is not None
    return QueueDepth(*row)
