"""How the claim and the look at the queue are carried out, on the newest and the oldest PostgreSQL:
along the ready index, and past messages that quiet hours hold as if there were none."""

import json
from contextlib import AsyncExitStack
from typing import Any

from outbound_sms.store.dispatch import OpenGroup
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.store.sql import load
from tests.dispatch.claims import OWNER
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue

HELD = 20_000
MASS = 5_000
LEASED = 50
LARGE = {"dispatch", "message", "contact", "phone_number"}
Node = dict[str, Any]


async def run_plan(pool: Pool, name: str, *arguments: object) -> list[Node]:
    """The nodes of the plan of a statement, run and rolled back; the first is the whole."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        text = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {load('dispatch')[name]}", *arguments
        )
        await transaction.rollback()
    nodes: list[Node] = []

    def walk(node: Node) -> None:
        nodes.append(node)
        for child in node.get("Plans", []):
            walk(child)

    walk(json.loads(text)[0]["Plan"])
    return nodes


async def claim_plan(pool: Pool, queued: Queued, *groups: tuple[int, str]) -> list[Node]:
    """The plan of a claim of 50 from groups of (priority, zones)."""
    wanted = [OpenGroup(queued.sending_number_id, *group, None) for group in groups]
    return await run_plan(
        pool,
        "claim",
        [group.sending_number_id for group in wanted],
        [group.priority for group in wanted],
        [group.zones for group in wanted],
        LEASED,
        OWNER,
        45.0,
    )


def check_by_index(nodes: list[Node]) -> None:
    """The ready index is read, no large table from end to end, and few rows of anything."""
    scans = {(n["Node Type"], n.get("Relation Name")) for n in nodes}
    assert not [scan for scan in scans if scan[0] == "Seq Scan" and scan[1] in LARGE], scans
    assert "dispatch_ready" in {n.get("Index Name") for n in nodes}
    assert max(n["Actual Rows"] * n["Actual Loops"] for n in nodes) <= 2 * LEASED


def pages(nodes: list[Node]) -> int:
    """Pages that were looked at, wherever they came from."""
    return int(nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"])


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
                    index_plans=True,
                )
            )
            for role in (None, SessionRole.DISPATCHER)
        ]
        queued = await fill_queue(pool, MASS)
        mass = (5, "")
        alone = pages(await claim_plan(queue, queued, mass))
        looked_alone = pages(await run_plan(queue, "ready_groups"))
        await add_triggered(pool, queued, HELD, zones="America/New_York")
        await add_triggered(pool, queued, 20, zones="America/Chicago")
        for _ in range(2):
            nodes = await claim_plan(queue, queued, mass)
            check_by_index(nodes)
            assert pages(nodes) <= alone + 20, "held messages cost a claim nothing"
            nodes = await run_plan(queue, "ready_groups")
            check_by_index(nodes)
            assert pages(nodes) <= looked_alone + 40, "held messages cost a look nothing"
            nodes = await claim_plan(queue, queued, (1, "America/Chicago"), mass)
            check_by_index(nodes)
            assert nodes[0]["Actual Rows"] == LEASED
            assert pages(nodes) <= alone + 20 * 15 + 40
            # The plan must be as good once there are statistics as it was without.
            await pool.execute("ANALYZE")


async def test_a_claim_passes_over_thousands_that_are_held(database_url: str) -> None:
    await check_plans(database_url)


async def test_a_claim_passes_over_thousands_that_are_held_on_the_oldest_postgresql(
    database_url_15: str,
) -> None:
    await check_plans(database_url_15)
