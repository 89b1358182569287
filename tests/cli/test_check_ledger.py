"""`outbound-sms admin check-ledger` on a database."""

import asyncio
import json
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from outbound_sms.cli.admin.command import admin
from outbound_sms.store.pool import Pool
from tests.databases import Databases
from tests.dispatch.queue_factory import PRICE
from tests.ledger import make_books


async def check(database: str, *arguments: str) -> Result:
    """How the command ends; it runs an event loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke, admin, ["check-ledger", "--database", database, *arguments]
    )


async def lose(pool: Pool, statement: str) -> None:
    """Changes rows as nobody may."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(statement)


async def test_a_ledger_that_is_right_is_ok_and_what_was_checked_is_said(
    pool: Pool, database_url: str
) -> None:
    books = await make_books(pool)
    ran = await check(database_url)
    assert ran.exit_code == 0, ran.output
    assert "Checked I1 to I6: instances 2, entries 17, texts 11, in " in ran.output
    assert ran.output.endswith("OK\n")
    ran = await check(database_url, "--json", "--instance", str(books.other))
    shown = json.loads(ran.output)
    assert shown.pop("seconds") >= 0
    assert shown == {"ok": True, "instances": 1, "entries": 1, "texts": 1, "violations": []}


@pytest.mark.broken_ledger
async def test_a_broken_one_ends_with_1_and_the_rows_that_break_it(
    pool: Pool, database_url: str
) -> None:
    books = await make_books(pool)
    await lose(
        pool,
        "UPDATE ledger_entry SET kind = 4 WHERE kind = 3 "
        f"AND message_id = '{books.sent}'; UPDATE balance SET available_micros = available_micros "
        f"+ {PRICE}, spent_micros = spent_micros - {PRICE} WHERE instance_id = '{books.instance}'",
    )
    ran = await check(database_url)
    text = f"found Sent with hold {PRICE}, release {PRICE}; expected hold {PRICE}, capture {PRICE}"
    assert ran.exit_code == 1
    assert f"I3  instance {books.instance}  id {books.sent}  {text}\n" in ran.output
    assert "adjust-balance" in ran.output
    assert "OK" not in ran.output
    ran = await check(database_url, "--json")
    assert ran.exit_code == 1
    shown = json.loads(ran.output)
    assert shown["ok"] is False
    assert shown["violations"] == [
        {
            "invariant": "I3",
            "instance_id": str(books.instance),
            "id": str(books.sent),
            "text": text,
        }
    ]
    assert (await check(database_url, "--instance", str(books.other))).exit_code == 0


async def test_an_unknown_instance_is_refused(pool: Pool, database_url: str) -> None:
    ran = await check(database_url, "--instance", str(uuid4()))
    assert ran.exit_code == 2
    assert "no such instance" in ran.output


async def test_a_database_without_the_schema_says_what_to_do(databases: Databases) -> None:
    ran = await check(databases.url_of("postgres"))
    assert ran.exit_code == 1
    assert "outbound-sms migrate" in ran.output
