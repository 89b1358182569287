"""Fires as they are stored: together, once, in an order that cannot deadlock, and for 90 days."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import compose_body
from outbound_sms.domain.language import Language
from outbound_sms.domain.recipient_zone import RecipientZone, ZoneSource
from outbound_sms.store import sql
from outbound_sms.store.fires import (
    NewFire,
    NewText,
    find_accounts,
    find_fired,
    find_senders,
    forget_old_fires,
    write_fires,
)
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.store.tenant import set_tenant
from tests.factories import (
    Isp,
    add_account,
    add_contact,
    add_subscribers,
    make_isp,
    make_triggered_message,
)

ZONE = RecipientZone("America/New_York", ZoneSource.NUMBER)
UNTIL = datetime(2027, 3, 1, tzinfo=UTC)
TABLES = ("trigger_fire", "body", "message", "dispatch", "status_event")


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    return await make_isp(pool)


@pytest.fixture
async def fire(pool: Pool, isp: Isp) -> NewFire:
    """Texts in two languages to three numbers."""
    account = await add_account(pool, isp, "1001")
    contact = await add_contact(pool, isp, account)
    message = await make_triggered_message(pool, isp, "PAYMENT_SUCCESS")
    english, french = (
        compose_body(text, "", BillingRule.PRODUCT) for text in ("Thank you.", "Merci.")
    )
    return NewFire(
        key=(message, "payment 1"),
        account_id=account,
        sending_number_id=isp.sending_number_id,
        valid_until=UNTIL,
        price_list_version=await pool.fetchval("SELECT price_list_in_force('USD', now())"),
        bodies={Language.EN: english, Language.FR: french},
        texts=[
            NewText(Language.FR, contact, "+15145550101", ZONE, 200),
            NewText(Language.EN, contact, "+12125550101", ZONE, 100),
            NewText(Language.FR, contact, "+15145550102", ZONE, 200),
        ],
    )


@pytest.fixture
async def firing(database_url: str) -> AsyncIterator[Pool]:
    """One connection as the server has it for firing."""
    opened = await open_pool(
        database_url, min_size=0, max_size=1, application_name="tests", index_plans=True
    )
    yield opened
    opened.terminate()


def numbered(fire: NewFire, numbers: Sequence[int]) -> list[NewFire]:
    """The same for other payments."""
    return [replace(fire, key=(fire.key[0], f"payment {number}")) for number in numbers]


async def counts(pool: Pool) -> list[int]:
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]


async def test_texts_are_written_with_their_own_bodies_in_the_order_given(
    pool: Pool, isp: Isp, fire: NewFire
) -> None:
    made = await write_fires(pool, isp.instance_id, numbered(fire, [1, 2]))
    assert set(made) == {(fire.key[0], "payment 1"), (fire.key[0], "payment 2")}
    assert await counts(pool) == [2, 4, 6, 6, 6]
    rows = await pool.fetch(
        "SELECT m.phone, m.cost_micros, b.text, b.language, d.valid_until, d.zones, m.zone_source "
        "FROM message m JOIN body b ON b.id = m.body_id JOIN dispatch d ON d.message_id = m.id "
        "WHERE m.id = ANY ($1) ORDER BY array_position($1, m.id)",
        list(made[fire.key]),
    )
    assert [tuple(row)[:4] for row in rows] == [
        ("+15145550101", 200, "Merci.", "fr"),
        ("+12125550101", 100, "Thank you.", "en"),
        ("+15145550102", 200, "Merci.", "fr"),
    ]
    assert {tuple(row)[4:] for row in rows} == {(UNTIL, "America/New_York", 3)}


async def test_a_key_that_is_taken_makes_nothing_and_keeps_no_other_from_its_texts(
    pool: Pool, isp: Isp, fire: NewFire
) -> None:
    first = await write_fires(pool, isp.instance_id, numbered(fire, [1]))
    second = await write_fires(pool, isp.instance_id, numbered(fire, [2, 1, 3]))
    assert [key for _, key in second] == ["payment 2", "payment 3"]
    assert await counts(pool) == [3, 6, 9, 9, 9]
    keys = [each.key for each in numbered(fire, [1, 4])]
    assert await find_fired(pool, isp.instance_id, keys) == first


async def test_a_write_that_fails_leaves_nothing(pool: Pool, isp: Isp, fire: NewFire) -> None:
    wrong = replace(fire.texts[0], zone=RecipientZone("*", 9))  # type: ignore[arg-type]
    broken = replace(numbered(fire, [2])[0], texts=[wrong])
    with pytest.raises(asyncpg.CheckViolationError):
        await write_fires(pool, isp.instance_id, [fire, broken])
    assert await counts(pool) == [0] * len(TABLES)


async def test_equal_keys_in_opposite_orders_do_not_deadlock(
    pool: Pool, isp: Isp, fire: NewFire
) -> None:
    one = replace(fire, texts=fire.texts[:1])
    for turn in range(15):
        forth = numbered(one, range(turn * 100, turn * 100 + 100))
        made = await asyncio.gather(
            write_fires(pool, isp.instance_id, forth),
            write_fires(pool, isp.instance_id, forth[::-1]),
            write_fires(pool, isp.instance_id, forth[50:] + forth[:50]),
        )
        assert sum(map(len, made)) == 100
    assert await pool.fetchval("SELECT count(*) FROM message") == 1_500


async def test_the_same_key_of_a_transaction_that_rolls_back_is_free(
    pool: Pool, isp: Isp, fire: NewFire
) -> None:
    async with pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await write_fires(other, isp.instance_id, [fire])
        waiting = asyncio.create_task(write_fires(pool, isp.instance_id, [fire]))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await transaction.rollback()
    assert set(await waiting) == {fire.key}
    assert (await counts(pool))[0] == 1


async def test_keys_are_free_again_after_90_days(pool: Pool, isp: Isp, fire: NewFire) -> None:
    await write_fires(pool, isp.instance_id, numbered(fire, range(5)))
    day = timedelta(days=1)
    for number, age in enumerate([92 * day, 91 * day, 89 * day, day, 0 * day]):
        await pool.execute(
            "UPDATE trigger_fire SET fire_time = now() - $1::interval WHERE event_key = $2",
            age,
            f"payment {number}",
        )
    assert [await forget_old_fires(pool, limit=1) for _ in range(3)] == [1, 1, 0]
    left = await pool.fetch("SELECT event_key FROM trigger_fire ORDER BY event_key")
    assert [row["event_key"] for row in left] == ["payment 2", "payment 3", "payment 4"]
    again = await write_fires(pool, isp.instance_id, numbered(fire, [0, 2]))
    assert [key for _, key in again] == ["payment 0"]


async def test_every_look_up_names_the_instance(pool: Pool, isp: Isp, fire: NewFire) -> None:
    other = await make_isp(pool, sender="+12125550198")
    await write_fires(pool, isp.instance_id, [fire])
    assert await find_accounts(pool, other.instance_id, [fire.account_id], ["1001"]) == []
    assert await find_fired(pool, other.instance_id, [fire.key]) == {}
    companies = [isp.company_id, other.company_id]
    assert await find_senders(pool, other.instance_id, [fire.key[0]], companies) == {}
    mine = await find_senders(pool, isp.instance_id, [fire.key[0]], companies)
    assert set(mine) == {(fire.key[0], isp.company_id)}


async def test_row_level_security_keeps_fires_within_their_instance(
    pool: Pool, database_url: str, isp: Isp, fire: NewFire
) -> None:
    other = await make_isp(pool, sender="+12125550198")
    api = await open_pool(
        database_url, min_size=0, max_size=2, application_name="tests", role=SessionRole.API
    )
    async with api:
        set_tenant(isp.instance_id)
        await write_fires(api, isp.instance_id, [fire])
        set_tenant(other.instance_id)
        assert await find_fired(api, isp.instance_id, [fire.key]) == {}
        assert await find_accounts(api, isp.instance_id, [fire.account_id], []) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await write_fires(api, isp.instance_id, numbered(fire, [2]))
        set_tenant(None)
    assert (await counts(pool))[0] == 1


async def test_fired_keys_are_looked_up_by_index_though_statistics_do_not_follow(
    firing: Pool, isp: Isp, fire: NewFire
) -> None:
    # The plan is made here, while there is nothing.
    await find_fired(firing, isp.instance_id, [fire.key])
    await write_fires(firing, isp.instance_id, numbered(fire, range(3_000)))
    wanted = [fire.key[0]] * 2, ["payment 1", "payment 2"]
    assert await _rows_read(firing, "find_fired", isp.instance_id, *wanted) < 10


async def test_accounts_are_looked_up_one_by_one(
    firing: Pool, pool: Pool, isp: Isp, fire: NewFire
) -> None:
    await find_accounts(firing, isp.instance_id, [], ["1001"])
    await add_subscribers(pool, isp, 3_000)
    await pool.execute("ANALYZE")
    wanted = [fire.account_id], ["S00001", "S00002"]
    assert await _rows_read(firing, "find_accounts", isp.instance_id, *wanted) < 50


async def _rows_read(pool: Pool, name: str, instance_id: UUID, *arguments: Any) -> int:
    """Rows that the nodes of a plan returned or filtered out, in all their loops."""
    text = await pool.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.load('fires')[name]}", instance_id, *arguments
    )
    nodes = [json.loads(text)[0]["Plan"]]
    read = 0
    for node in nodes:
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        read += rows * node["Actual Loops"] if "Scan" in node["Node Type"] else 0
        nodes.extend(node.get("Plans", ()))
    return int(read)
