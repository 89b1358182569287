"""The least that the life of a message takes: hand-written batched SQL on one connection.

Claim, sent, delivered, each with an event; no intent, opt-out check, rate, feed or receipts.
"""

import time

import asyncpg

BATCH = 500

_SCHEMA = """
CREATE TABLE plain_message (
  id bigint PRIMARY KEY, phone text NOT NULL, body text NOT NULL,
  status smallint NOT NULL DEFAULT 1, version int NOT NULL DEFAULT 1) WITH (fillfactor = 45);
CREATE TABLE plain_queue (message_id bigint PRIMARY KEY, owner int) WITH (fillfactor = 60);
CREATE INDEX plain_queue_ready ON plain_queue (message_id) WHERE owner IS NULL;
CREATE TABLE plain_event (
  message_id bigint NOT NULL, version int NOT NULL, status smallint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (message_id, version));
"""
_FILL = """
WITH m AS (INSERT INTO plain_message (id, phone, body)
           SELECT i, '+12125550' || i, 'An outage of about one hundred characters, more or less.'
             FROM generate_series(1, $1::int) i RETURNING id)
INSERT INTO plain_queue (message_id) SELECT id FROM m
"""
_CLAIM = """
UPDATE plain_queue q SET owner = 1
 WHERE q.message_id = ANY (ARRAY(
   SELECT message_id FROM plain_queue WHERE owner IS NULL ORDER BY message_id LIMIT $1
   FOR UPDATE SKIP LOCKED))
RETURNING q.message_id
"""
_SENT = """
WITH d AS (DELETE FROM plain_queue WHERE message_id = ANY ($1) RETURNING message_id),
     m AS (UPDATE plain_message m SET status = 3, version = version + 1 FROM d
            WHERE m.id = d.message_id RETURNING m.id, m.version)
INSERT INTO plain_event (message_id, version, status) SELECT id, version, 3 FROM m
"""
_DELIVERED = """
WITH m AS (UPDATE plain_message m SET status = 4, version = version + 1 WHERE m.id = ANY ($1)
           RETURNING m.id, m.version)
INSERT INTO plain_event (message_id, version, status) SELECT id, version, 4 FROM m
"""


async def rate(dsn: str, messages: int) -> float:
    """Messages a second from queued to delivered."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS plain_message, plain_queue, plain_event")
        await connection.execute(_SCHEMA)
        await connection.execute(_FILL, messages)
        await connection.execute("VACUUM ANALYZE plain_message, plain_queue, plain_event")
        started = time.perf_counter()
        while claimed := [row[0] for row in await connection.fetch(_CLAIM, BATCH)]:
            await connection.execute(_SENT, claimed)
            await connection.execute(_DELIVERED, claimed)
        elapsed = time.perf_counter() - started
        delivered = await connection.fetchval("SELECT count(*) FROM plain_message WHERE status = 4")
        assert delivered == messages
        return messages / elapsed
    finally:
        await connection.close()
