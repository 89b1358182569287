"""The queue: leases, intents and outcomes. Every write names the fence of its lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from outbound_sms.store.pool import Database
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
class ReadyNumber:
    """A sending number with work waiting; `wait` is the seconds until its rate allows some."""

    instance_id: UUID
    sending_number_id: UUID
    carrier: str
    wait: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message under a lease of ours. `segments` are carrier segments."""

    message_id: UUID
    fence: int
    failures: int
    carrier: str
    sender: str
    phone: str
    body_id: UUID
    segments: int
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome after which nothing is left to do. `status` is 3 sent or 5 failed."""

    message_id: UUID
    fence: int
    status: int
    reason: str | None
    carrier: str
    outcome: AttemptOutcome
    carrier_message_id: str | None = None
    carrier_code: str | None = None


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
class Doubtful:
    """A message that its carrier may have accepted, under a lease taken to find out.

    `doubt_age` is in seconds. `resent`: it was sent once more after an earlier unknown outcome.
    """

    message_id: UUID
    fence: int
    attempts: int
    failures: int
    submitting_time: datetime
    doubt_age: float
    valid_until: datetime
    sender: str
    carrier: str
    phone: str
    body: str
    resend_unknown_outcome: bool
    resent: bool
    receipt_seen: bool


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages outstanding, by where they stand."""

    ready: int
    leased: int
    in_doubt: int


async def ready_numbers(db: Database) -> list[ReadyNumber]:
    """Sending numbers with work waiting, of instances whose sending is on, in instance order."""
    return [ReadyNumber(*row) for row in await db.fetch(_SQL["ready_numbers"])]


async def claim(
    db: Database, numbers: Sequence[UUID], *, most_each: int, owner: UUID, lease_seconds: float
) -> list[Claimed]:
    """Leases up to `most_each` messages of each number, as its rate allows, in order of sending."""
    rows = await db.fetch(_SQL["claim"], sorted(numbers), most_each, owner, lease_seconds)
    return [Claimed(*row) for row in rows]


async def intend(
    db: Database, messages: Sequence[Claimed], *, owner: UUID, lease_left: float
) -> dict[UUID, int]:
    """Commits that the carrier is about to be asked. Returns the number of each attempt.

    A message that is missing in the answer must not be handed over: its lease has less than
    `lease_left` seconds, or is lost, or its number has replied STOP.
    """
    messages = sorted(messages, key=lambda m: m.message_id)
    ids = [m.message_id for m in messages]
    rows = await db.fetch(_SQL["intend"], ids, [m.fence for m in messages], owner, lease_left)
    return {row[0]: row[1] for row in rows}


async def settle(db: Database, outcomes: Sequence[Settled], *, owner: UUID) -> set[UUID]:
    """Ends the work on messages. Returns those whose lease still held; the others are unchanged."""
    outcomes = sorted(outcomes, key=lambda o: o.message_id)
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


async def doubt(
    db: Database, leases: Sequence[tuple[UUID, int]], *, owner: UUID, look_after: float
) -> set[UUID]:
    """Sets messages (id, fence) aside as in doubt. Returns those whose lease still held."""
    ids, fences = [lease[0] for lease in leases], [lease[1] for lease in leases]
    return {row[0] for row in await db.fetch(_SQL["doubt"], owner, ids, fences, look_after)}


async def rescue(db: Database, *, most: int, look_after: float) -> tuple[int, int]:
    """Takes up to `most` messages from expired leases. Returns (ready, in doubt)."""
    rows = await db.fetch(_SQL["rescue"], most, look_after)
    in_doubt = sum(1 for row in rows if row["in_doubt"])
    return len(rows) - in_doubt, in_doubt


async def release(db: Database, *, owner: UUID) -> int:
    """Gives back everything that `owner` has claimed and not begun to hand over."""
    return len(await db.fetch(_SQL["release"], owner))


async def claim_in_doubt(
    db: Database, *, most: int, owner: UUID, lease_seconds: float
) -> list[Doubtful]:
    """Leases messages in doubt that are due for a look."""
    rows = await db.fetch(_SQL["claim_in_doubt"], most, owner, lease_seconds)
    return [Doubtful(**row) for row in rows]


async def known_carrier_ids(db: Database, phone: str, since: datetime) -> frozenset[str]:
    """Carrier message ids of other messages to `phone`, submitted at `since` or later."""
    return frozenset(row[0] for row in await db.fetch(_SQL["known_carrier_ids"], phone, since))


async def bodies(db: Database, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The texts of bodies, by id."""
    return {row[0]: row[1] for row in await db.fetch(_SQL["bodies"], ids)}


async def queue_depth(db: Database) -> QueueDepth:
    """What is outstanding now; a full scan of the queue, so for metrics only."""
    row = await db.fetchrow(_SQL["queue_depth"])
    assert row is not None
    return QueueDepth(*row)
