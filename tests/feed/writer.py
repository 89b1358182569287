"""Changes statuses as the product does: the message row first, then its event, in one statement."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from outbound_sms.store.pool import Connection, Database, Pool

_ADD = """
WITH made AS (
  INSERT INTO message (instance_id, mass_message_id, contact_id, sending_number_id, body_id, phone,
                       billable_segments, carrier_segments, kind, cost_micros)
  SELECT $1, $2, new_id(), new_id(), new_id(), '+1' || (2000000000 + n + $4), 1, 1, 1, 0
    FROM generate_series(1, $3) n
  RETURNING instance_id, id, mass_message_id)
INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
                          previous_status)
SELECT instance_id, id, mass_message_id, 1, 1, 0 FROM made RETURNING message_id
"""

_CHANGE = """
WITH locked AS MATERIALIZED (
  SELECT id, status FROM message WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE),
changed AS (
  UPDATE message m SET status = $2, version = m.version + 1 FROM locked WHERE m.id = locked.id
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, locked.status AS previous_status)
INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
                          previous_status, reject_reason)
SELECT instance_id, id, mass_message_id, version, $2, previous_status,
       CASE WHEN $2 = 5 THEN 'NUMBER.INVALID' END FROM changed
"""


async def add_messages(
    db: Database, instance_id: UUID, mass_message_id: UUID | None, count: int, first: int = 0
) -> list[UUID]:
    """New pending messages; `first` sets numbers apart within a mass message."""
    rows = await db.fetch(_ADD, instance_id, mass_message_id, count, first)
    return [row["message_id"] for row in rows]


async def change(db: Database, message_ids: Sequence[UUID], status: int) -> None:
    """Gives messages another status."""
    await db.execute(_CHANGE, message_ids, status)


@dataclass(slots=True)
class Crowd:
    """Messages of some instances that many writers change at the same time."""

    instances: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(3)])
    mass_messages: dict[UUID, UUID] = field(default_factory=dict)
    messages: list[UUID] = field(default_factory=list)

    async def fill(self, pool: Pool, each: int = 60) -> None:
        """`each` messages for every instance, all of one mass message."""
        for instance_id in self.instances:
            self.mass_messages[instance_id] = uuid4()
            self.messages += await add_messages(
                pool, instance_id, self.mass_messages[instance_id], each
            )

    async def write(self, connection: Connection, chance: random.Random) -> bool:
        """One transaction with several changes; some sleep, some roll back. True if committed.

        Rows are locked in the order of their ids, so that writers wait for each other and go on.
        """
        chosen = sorted(chance.sample(self.messages, chance.choice((1, 1, 2, 3, 8))))
        transaction = connection.transaction()
        await transaction.start()
        for end in range(1, len(chosen) + 1):
            await self._change_some(connection, chance, chosen[max(0, end - 2) : end])
            if chance.random() < 0.1:
                await connection.fetchval("SELECT pg_sleep($1)", chance.random() * 0.02)
        if chance.random() < 0.05:
            await transaction.rollback()
            return False
        await transaction.commit()
        return True

    async def _change_some(
        self, connection: Connection, chance: random.Random, chosen: Sequence[UUID]
    ) -> None:
        status = chance.choice((2, 3, 4, 5, 6))
        if chance.random() > 0.2:
            await change(connection, chosen, status)
            return
        savepoint = connection.transaction()
        await savepoint.start()
        await change(connection, chosen, status)
        if chance.random() < 0.5:
            await savepoint.rollback()
        else:
            await savepoint.commit()
