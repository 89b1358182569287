"""How receipts by the carrier's id are stored, matched and forgotten on tables of some size: along
indexes. PLAN_ROWS=200000 makes them larger."""

import json
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

from outbound_sms.domain.message_reference import message_reference
from outbound_sms.store import submitted_parts as store
from outbound_sms.store.dispatch import settle
from outbound_sms.store.pool import Connection, Pool, SessionRole, open_pool
from outbound_sms.store.receipts import apply_receipts
from outbound_sms.store.submitted_parts import PartReceipt
from tests.dispatch.claims import OWNER
from tests.dispatch.parts import CARRIER, accepted, submitting
from tests.dispatch.queue_factory import fill_queue

ROWS = int(os.environ.get("PLAN_ROWS", "20000"))
BATCH = 100
LARGE = {"submitted_part", "parked_receipt", "message", "dispatch", "receipt", "attempt"}
Node = dict[str, Any]

# Of every message in the queue but those of the batch; every fourth in three parts.
_PARTS = """
INSERT INTO submitted_part (carrier, carrier_message_id, message_id, attempt, part, parts,
                            submit_time)
SELECT 'null', n || '-' || part, id, 1, part, parts, now() - n * interval '10 s'
  FROM (SELECT id, n, CASE WHEN n % 4 = 0 THEN 3 ELSE 1 END AS parts
          FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)) m, generate_series(1, parts) part
"""
_PARKED = """
INSERT INTO parked_receipt (carrier, carrier_message_id, state, due_time)
SELECT 'null', 'nobody ' || n, 3, now() + n * interval '1 ms' FROM generate_series(1, $1) n
"""


class Explained:
    """Stands for a database: has what a store function asks explained, run and taken back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.nodes: list[Node] = []

    async def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Nothing; `nodes` has the plan."""
        transaction = self._connection.transaction()
        await transaction.start()
        text = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments
        )
        await transaction.rollback()
        self.nodes = []
        self._walk(json.loads(text)[0]["Plan"])
        return []

    async def fetchval(self, statement: str, *arguments: object) -> bool:
        """The same."""
        return bool(await self.fetch(statement, *arguments))

    async def fetchrow(self, statement: str, *arguments: object) -> dict[str, Any]:
        """The same."""
        await self.fetch(statement, *arguments)
        return {"looked_at": 0, "until": None}

    async def execute(self, statement: str, *arguments: object) -> str:
        """The same."""
        await self.fetch(statement, *arguments)
        return "DELETE 0"

    def _walk(self, node: Node) -> None:
        self.nodes.append(node)
        for child in node.get("Plans", []):
            self._walk(child)

    def check(self, what: str) -> None:
        """No large table was read from end to end, and little was read."""
        scans = {(n["Node Type"], n.get("Relation Name")) for n in self.nodes}
        assert not [s for s in scans if s[0] == "Seq Scan" and s[1] in LARGE], (what, scans)
        most = max(n["Actual Rows"] * n["Actual Loops"] for n in self.nodes)
        assert most <= 10 * BATCH, (what, most)


async def fill(pool: Pool) -> list[UUID]:
    """Parts of ROWS messages, as many parked receipts, and the messages in doubt."""
    queued = await fill_queue(pool, ROWS)
    doubtful = list(queued.message_ids[:BATCH])
    await pool.execute(_PARTS, queued.message_ids[BATCH:])
    await pool.execute(_PARKED, ROWS)
    await pool.execute(
        "UPDATE dispatch SET in_doubt_since = now(), carrier = 'null', attempts = 1, "
        "submitting_time = now() "
        "WHERE message_id = ANY ($1)",
        doubtful,
    )
    return doubtful


async def batches(pool: Pool, doubtful: list[UUID]) -> dict[str, list[PartReceipt]]:
    """Receipts of each kind."""
    rows = await pool.fetch("SELECT id, phone FROM message WHERE id = ANY ($1)", doubtful)
    numbers = range(1, 4 * BATCH, 4)
    return {
        "whole": [PartReceipt(CARRIER, f"{n}-1", 3) for n in numbers],
        "parts": [PartReceipt(CARRIER, f"{n + 3}-{n % 3 + 1}", 3) for n in numbers],
        "unknown": [PartReceipt(CARRIER, f"new {n}", 3) for n in numbers],
        "by reference": [
            PartReceipt(
                CARRIER,
                f"lost {n}",
                3,
                recipient=row["phone"],
                reference=message_reference(row["id"], 1),
            )
            for n, row in enumerate(rows)
        ],
        "known": [
            PartReceipt(CARRIER, f"known {n}", 3, message_id=row["id"], attempt=1)
            for n, row in enumerate(rows)
        ],
    }


async def test_receipts_are_stored_matched_applied_and_forgotten_along_indexes(
    database_url: str,
) -> None:
    await check_plans(database_url)


async def test_receipts_go_along_indexes_on_the_oldest_postgresql(database_url_15: str) -> None:
    await check_plans(database_url_15)


async def check_plans(url: str) -> None:
    async with AsyncExitStack() as stack:
        pool, queue = [
            await stack.enter_async_context(
                await open_pool(
                    url,
                    min_size=1,
                    max_size=2,
                    application_name="tests",
                    statement_timeout_ms=30_000,
                    role=role,
                    index_plans=role is not None,
                )
            )
            for role in (None, SessionRole.DISPATCHER)
        ]
        doubtful = await fill(pool)
        _, messages = await submitting(pool, BATCH)
        answers = [accepted(m, f"x{n}", f"y{n}") for n, m in enumerate(messages)]
        connection = await stack.enter_async_context(queue.acquire())
        explained = Explained(connection)
        db: Any = explained
        # The plan must be as good once there are statistics as it was without.
        for _ in range(2):
            for kind, receipts in (await batches(pool, doubtful)).items():
                await store.store_part_receipts(db, receipts)
                explained.check(kind)
            await settle(db, answers, owner=OWNER)
            explained.check("settle")
            await store.parked_is_due(db)
            explained.check("parked_is_due")
            await store.take_parked(db, BATCH)
            explained.check("take_parked")
            await store.forget_old_parts(db, BATCH)
            explained.check("forget_old")
            await store.forget_final_parts(db, store.NOTHING_YET, BATCH)
            explained.check("forget_final")
            await pool.execute("ANALYZE")
        failing = [
            replace(each, state=4, carrier_code="1")
            for each in (await batches(pool, doubtful))["known"]
        ]
        await store.store_part_receipts(pool, failing)
        await apply_receipts(db, BATCH)
        explained.check("apply")
