"""The plans of the queries that walk over the directory and the queue, on tables of some size."""

import json
from typing import Any
from uuid import UUID

import pytest

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.store import sql
from outbound_sms.store.pool import Pool
from tests.factories import (
    EVERYONE,
    Isp,
    add_mass_message,
    add_network_site,
    add_subscribers,
    make_isp,
)

SUBSCRIBERS = 4_000
FIRST_ID = UUID(int=0)


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    made = await make_isp(pool)
    await add_subscribers(pool, made, SUBSCRIBERS)
    await pool.execute("ANALYZE")
    return made


async def plan(pool: Pool, noun: str, name: str, *arguments: Any) -> list[dict[str, Any]]:
    """The nodes of the plan of a statement, as it is made for these arguments."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(sql.load("expand")["custom_plans"])
        text = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) {sql.load(noun)[name]}", *arguments
        )
    nodes = [json.loads(text)[0]["Plan"]]
    for node in nodes:
        nodes.extend(node.get("Plans", ()))
    return nodes


def indexes(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def scanned(nodes: list[dict[str, Any]]) -> set[str]:
    """Tables that are read from end to end."""
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}


async def test_a_network_site_is_looked_up_in_its_index(pool: Pool, isp: Isp) -> None:
    site = await add_network_site(pool, isp, "Tower")
    await add_subscribers(pool, isp, 20, first=SUBSCRIBERS, network_site_ids=[site])
    await pool.execute("ANALYZE account")
    audience = json.dumps({"network_site_ids": [str(site)]})
    for name in ("count_accounts", "count_contacts", "count_numbers"):
        nodes = await plan(pool, "audience", name, isp.instance_id, audience)
        assert "account_network_sites" in indexes(nodes), name
        assert not scanned(nodes) & {"account", "contact", "phone_number"}, name


async def test_the_recipient_functions_are_folded_into_their_callers(pool: Pool, isp: Isp) -> None:
    nodes = await plan(pool, "audience", "count_numbers", isp.instance_id, EVERYONE)
    assert not [node for node in nodes if node["Node Type"] == "Function Scan"]


async def test_filters_that_are_not_set_leave_no_trace_in_the_plan(pool: Pool, isp: Isp) -> None:
    nodes = await plan(pool, "audience", "count_accounts", isp.instance_id, EVERYONE)
    assert "audience_" not in json.dumps(nodes)
    assert "services" not in json.dumps(nodes)


async def test_a_chunk_is_found_along_the_account_index(pool: Pool, isp: Isp) -> None:
    now = await pool.fetchval("SELECT now()")
    nodes = await plan(pool, "expand", "find_chunk", isp.instance_id, EVERYONE, now, FIRST_ID, 100)
    assert indexes(nodes) & {"account_list", "account_pkey"}
    assert "account" not in scanned(nodes)


async def test_a_chunk_reads_its_own_accounts_contacts_and_numbers_only(
    pool: Pool, isp: Isp
) -> None:
    rows = await pool.fetch("SELECT id, now() AS now FROM account ORDER BY id LIMIT 11")
    nodes = await plan(
        pool,
        "expand",
        "write_chunk",
        isp.instance_id,
        EVERYONE,
        rows[0]["now"],
        rows[0]["id"],
        rows[-1]["id"],
        FIRST_ID,
        isp.sending_number_id,
        rows[0]["now"],
        await pool.fetchval("SELECT price_list_in_force('USD', now())"),
    )
    assert {"contact_account", "phone_number_unique"} <= indexes(nodes)
    assert not scanned(nodes) & {"account", "contact", "phone_number"}


async def test_the_queue_is_changed_along_its_indexes(pool: Pool, isp: Isp) -> None:
    mass_message_id = await add_mass_message(pool, isp)
    await expand_once(pool)
    await pool.execute("ANALYZE dispatch, message")
    number = (isp.instance_id, isp.sending_number_id)
    start = await pool.fetchval("SELECT now() - interval '1 day'")
    for name, arguments in {
        "park": (*number, mass_message_id, start, FIRST_ID, 5),
        "unpark": (*number, mass_message_id, FIRST_ID, 5),
    }.items():
        nodes = await plan(pool, "mass_control", name, *arguments)
        assert "dispatch_ready" in indexes(nodes), name
        assert not scanned(nodes) & {"dispatch", "message"}, name
    nodes = await plan(pool, "mass_control", "list_expired", 5)
    assert "dispatch_expiry" in indexes(nodes)
    assert "dispatch" not in scanned(nodes)
    nodes = await plan(pool, "mass_control", "fail_expired", [FIRST_ID], ["EXPIRY.VALIDITY"])
    assert not scanned(nodes) & {"dispatch", "message"}
    # Read from end to end only as far as the limit: every row of this queue is of the mass message.
    nodes = await plan(pool, "mass_control", "fail_ready", mass_message_id, "POLICY.CANCELLED", 5)
    assert "message" not in scanned(nodes)
