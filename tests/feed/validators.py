"""What the feed promises, checked against what the database holds."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from outbound_sms.feed.stream import Batch
from outbound_sms.store.pool import Database

# Every event of the feed in the order in which readers get it.
_ORDERED = """
SELECT f.pos, f.instance_id, e.message_id::text AS message_id,
       e.mass_message_id::text AS mass_message_id, e.version, e.seq, e.place
  FROM feed f CROSS JOIN LATERAL unnest(f.seqs, f.message_ids, f.mass_message_ids, f.versions)
       WITH ORDINALITY AS e (seq, message_id, mass_message_id, version, place)
 ORDER BY f.pos, e.place
"""


async def check_feed(db: Database) -> int:
    """Nothing lost, nothing twice, versions of each message in order, no gaps. Counts events."""
    events = await db.fetchval("SELECT count(*) FROM status_event")
    rows = await db.fetch(_ORDERED)
    seqs = [row["seq"] for row in rows]
    assert len(seqs) == len(set(seqs)), "the feed holds an event twice"
    missing = await db.fetchval(
        "SELECT count(*) FROM status_event WHERE NOT (seq = ANY ($1::bigint[]))", seqs
    )
    assert missing == 0, f"{missing} of {events} events are not in the feed"
    assert len(seqs) == events, "the feed holds events that do not exist"
    versions: Counter[str] = Counter()
    for row in rows:
        versions[row["message_id"]] += 1
        assert row["version"] == versions[row["message_id"]], "versions are out of order"
    assert all(row["place"] <= 100 for row in rows), "a row holds more than 100 events"
    return len(rows)


async def check_counts(db: Database) -> None:
    """The counts that the tick keeps are those of the messages themselves."""
    kept = await db.fetch(
        "SELECT mass_message_id, status, messages FROM mass_message_count WHERE messages <> 0 "
        "ORDER BY 1, 2"
    )
    counted = await db.fetch(
        "SELECT mass_message_id, status, count(*) AS messages FROM message "
        "WHERE mass_message_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert [tuple(row) for row in kept] == [tuple(row) for row in counted]


@dataclass(slots=True)
class Recording:
    """What one reader was told, over one stream or several that each resumed from the last cursor.

    `start` is the position at which the first stream began.
    """

    instance_id: UUID
    start: int
    mass_message_id: UUID | None = None
    batches: list[Batch] = field(default_factory=list)

    @property
    def pos(self) -> int:
        return self.batches[-1].pos if self.batches else self.start

    @property
    def events(self) -> list[tuple[str, int]]:
        return [
            (message_id, version)
            for batch in self.batches
            if batch.events is not None
            for message_id, version in zip(
                batch.events.message_ids, batch.events.versions, strict=True
            )
        ]

    async def check(self, db: Database) -> int:
        """Checks the recording against the feed, cursor by cursor, and counts its events.

        Between two cursors came exactly the events that the feed has there, in its order: so
        nothing was lost or came twice, and no bookmark covers what was not sent.
        """
        rows = [
            row
            for row in await db.fetch(_ORDERED)
            if row["instance_id"] == self.instance_id
            and row["pos"] > self.start
            and self.mass_message_id in (None, UUID(row["mass_message_id"] or "0" * 32))
        ]
        place, pos = 0, self.start
        for batch in self.batches:
            assert batch.pos >= pos, "a cursor went back"
            pos, due = batch.pos, []
            while place < len(rows) and rows[place]["pos"] <= pos:
                due.append((rows[place]["message_id"], rows[place]["version"]))
                place += 1
            told = (
                []
                if batch.events is None
                else list(zip(batch.events.message_ids, batch.events.versions, strict=True))
            )
            assert told == due, f"the answer up to {pos} is not what the feed holds there"
            assert len(told) <= 100, "an answer holds more than 100 events"
        return place
