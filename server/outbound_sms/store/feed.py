"""The feed of status changes as it is stored: each row up to 100 events of one instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import asyncpg

from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("feed")

MOST_EVENTS = 100


class FeedNeedsRebase(RuntimeError):
    """The database was restored into another cluster: stored transaction ids mean nothing there.

    Nothing is fed until an operator has run the rebase, once, with every server stopped or waiting.
    """


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the feed is whole: after position `horizon`, up to `head`; and its epoch."""

    horizon: int
    head: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Events:
    """Status changes of messages of one instance, oldest first, as parallel sequences.

    Ids are UUIDs as text, statuses the numbers of `MessageStatus`, reasons `GROUP.CODE` or None.
    """

    message_ids: Sequence[str]
    mass_message_ids: Sequence[str | None]
    times: Sequence[datetime]
    versions: Sequence[int]
    statuses: Sequence[int]
    reject_reasons: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.message_ids)

    def of_mass_message(self, mass_message_id: str) -> "Events":
        """Those of one mass message."""
        if all(each == mass_message_id for each in self.mass_message_ids):
            return self
        chosen = [i for i, each in enumerate(self.mass_message_ids) if each == mass_message_id]
        return Events(
            [self.message_ids[i] for i in chosen],
            [self.mass_message_ids[i] for i in chosen],
            [self.times[i] for i in chosen],
            [self.versions[i] for i in chosen],
            [self.statuses[i] for i in chosen],
            [self.reject_reasons[i] for i in chosen],
        )

    def followed_by(self, other: "Events") -> "Events":
        """These and then the others."""
        return Events(
            [*self.message_ids, *other.message_ids],
            [*self.mass_message_ids, *other.mass_message_ids],
            [*self.times, *other.times],
            [*self.versions, *other.versions],
            [*self.statuses, *other.statuses],
            [*self.reject_reasons, *other.reject_reasons],
        )


@dataclass(eq=False, slots=True)
class FeedRow:
    """One row. `events` is None where the reader did not ask for them.

    `answer` is room for what the edge makes of the row, so that it is made once for all streams.
    """

    pos: int
    instance_id: UUID
    events: Events | None
    answer: object = None

    @classmethod
    def from_record(cls, record: asyncpg.Record) -> Self:
        """A row of `read_instance` or `read_tail`."""
        events = None
        if record["message_ids"] is not None:
            events = Events(
                record["message_ids"],
                record["mass_message_ids"],
                record["event_times"],
                record["versions"],
                record["statuses"],
                record["reject_reasons"],
            )
        return cls(record["pos"], record["instance_id"], events)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order of position, and the edges at the same instant."""

    edges: Edges
    rows: list[FeedRow]


async def allow_long_statements(connection: Connection, seconds: float) -> None:
    """Raises the session's time limits until the connection goes back to its pool."""
    await connection.execute(_SQL["allow_long_statements"], f"{seconds:.0f}s")


async def tick(connection: Connection, patience: float = 60.0) -> int:
    """Feeds what has become visible; returns how many events, or -1 when another process is at it.

    All of it is copied in one statement, for which `patience` seconds must do. Raises
    `FeedNeedsRebase`.
    """
    try:
        copied: int = await connection.fetchval(_SQL["tick"], timeout=patience)
    except asyncpg.RaiseError as error:
        if error.args and error.args[0] == "FEED_NEEDS_REBASE":
            raise FeedNeedsRebase("the newest tick is of another cluster") from error
        raise
    return copied


async def read_edges(db: Database) -> Edges:
    """Where the feed begins and ends now."""
    record = await db.fetchrow(_SQL["edges"])
    if record is None:
        raise RuntimeError("the edges query returns one row always")
    return Edges(**record)


async def read_instance(
    db: Database, instance_id: UUID, after: int, most: int, mass_message_id: UUID | None = None
) -> Page:
    """The instance's next rows after a position; bare where no event is of the mass message."""
    return _page(await db.fetch(_SQL["read_instance"], instance_id, after, most, mass_message_id))


async def read_tail(db: Database, after: int, most: int, watched: Sequence[UUID]) -> Page:
    """All instances' next rows after a position, with the events of those that are watched."""
    return _page(await db.fetch(_SQL["read_tail"], after, most, watched))


def _page(records: list[asyncpg.Record]) -> Page:
    first = records[0]
    edges = Edges(first["horizon"], first["head"], first["epoch"])
    if first["pos"] is None:
        return Page(edges, [])
    return Page(edges, [FeedRow.from_record(record) for record in records])
