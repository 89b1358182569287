"""STOP is as quick for a number with a long history, and beside a long queue."""

import json
from typing import Any
from uuid import UUID

import pytest

from outbound_sms.store.pool import Pool
from outbound_sms.store.sql import load
from tests.factories import Isp, make_isp

SUBSCRIBER = "+14165550123"
MANY = 2_000
Node = dict[str, Any]

_TEXTS = """
INSERT INTO message (instance_id, contact_id, sending_number_id, body_id, phone, billable_segments,
                     carrier_segments, kind, cost_micros, price_list_version, status)
SELECT $1, new_id(), $2, new_id(), $3, 1, 1, 1, 15000, 1, $5 FROM generate_series(1, $4)
RETURNING id
"""
_QUEUE = """
INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, valid_until,
                      cost_micros)
SELECT id, $1, $2, 5, 1, now() + interval '1 hour', 15000 FROM unnest($3::uuid[]) id
"""
_UNFUNDED = """
INSERT INTO unfunded (message_id, instance_id, sending_number_id, priority, zones, segments,
                      cost_micros, valid_until)
SELECT id, $1, $2, 5, '', 1, 15000, now() + interval '1 hour' FROM unnest($3::uuid[]) id
"""
QUEUES = {"fail_waiting": _QUEUE, "forget_unfunded": _UNFUNDED}
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "fail_waiting": (SUBSCRIBER, "POLICY.OPTED_OUT", True),
    "forget_unfunded": (SUBSCRIBER,),
}
SCOPES = pytest.mark.parametrize("of_one_instance", [False, True], ids=["all", "instance"])


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    """Statistics are from before anything was sent."""
    made = await make_isp(pool)
    await pool.execute("ANALYZE")
    return made


async def add_texts(pool: Pool, isp: Isp, count: int, *, phone: str, queue: str = "") -> None:
    status = 6 if queue == _UNFUNDED else 1
    rows = await pool.fetch(_TEXTS, isp.instance_id, isp.sending_number_id, phone, count, status)
    if queue:
        ids = [row["id"] for row in rows]
        await pool.execute(queue, isp.instance_id, isp.sending_number_id, ids)


async def rows_read(pool: Pool, name: str, scope: UUID | None) -> dict[str, float]:
    """How many rows a STOP reads of each index, those included that it throws away."""
    read: dict[str, float] = {}
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(load("replies")["plan_by_index"])
        text = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {load('replies')[name]}", *ARGUMENTS[name], scope
        )
        await transaction.rollback()

    def walk(node: Node) -> None:
        if "Index Name" in node or node["Node Type"] == "Seq Scan":
            scanned: str = node.get("Index Name") or node["Relation Name"]
            thrown_away = node.get("Rows Removed by Filter", 0)
            rows = (node["Actual Rows"] + thrown_away) * node["Actual Loops"]
            read[scanned] = read.get(scanned, 0) + rows
        for child in node.get("Plans", []):
            walk(child)

    walk(json.loads(text)[0]["Plan"])
    return read


@SCOPES
@pytest.mark.parametrize("name", QUEUES)
async def test_a_history_from_before_the_queue_is_not_read(
    pool: Pool, isp: Isp, name: str, of_one_instance: bool
) -> None:
    queue = QUEUES[name]
    await add_texts(pool, isp, MANY, phone=SUBSCRIBER)
    await add_texts(pool, isp, 1, phone=SUBSCRIBER, queue=queue)
    await add_texts(pool, isp, MANY, phone="+14165550124", queue=queue)
    read = await rows_read(pool, name, isp.instance_id if of_one_instance else None)
    assert read["message_phone"] == 1
    assert max(read.values()) < 10, read


@SCOPES
@pytest.mark.parametrize("name", QUEUES)
async def test_what_was_sent_since_is_looked_up_in_the_queue_by_its_key(
    pool: Pool, isp: Isp, name: str, of_one_instance: bool
) -> None:
    queue = QUEUES[name]
    await add_texts(pool, isp, MANY, phone="+14165550124", queue=queue)
    await add_texts(pool, isp, MANY, phone=SUBSCRIBER)
    await add_texts(pool, isp, 1, phone=SUBSCRIBER, queue=queue)
    read = await rows_read(pool, name, isp.instance_id if of_one_instance else None)
    assert read.pop("message_phone") == MANY + 1
    assert max(read.values()) < 10, read
