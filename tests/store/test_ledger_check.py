"""The check of the ledger: each clause of I1 to I6 is broken by hand, and just that is found.

Each break is made in a transaction that is rolled back, by a superuser whose triggers are off.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.store import receipts
from outbound_sms.store.ledger_check import (
    INVARIANTS,
    Violation,
    check_ledger,
    check_ledger_in_turn,
    examine_ledger,
)
from outbound_sms.store.pool import Connection, Pool, SessionRole, open_pool
from tests.databases import Databases
from tests.dispatch.claims import claim
from tests.dispatch.money import intend, receipt, settle
from tests.dispatch.queue_factory import PRICE, fill_queue
from tests.factories import add_funds
from tests.ledger import TOP_UP, Books, make_books

ENTRY = "INSERT INTO ledger_entry (instance_id, kind, amount_micros, message_id, top_up_id, note) "


def entry(instance: str, kind: int, amount: int, text: str) -> str:
    """An entry for a text, that no trigger sees."""
    return f"{ENTRY} VALUES ({{{instance}}}, {kind}, {amount}, {{{text}}}, NULL, NULL)"


def move(instance: str, available: int = 0, held: int = 0, spent: int = 0) -> str:
    """What the trigger would have done to the balance."""
    return (
        f"UPDATE balance SET available_micros = available_micros + {available}, "
        f"held_micros = held_micros + {held}, spent_micros = spent_micros + {spent} "
        f"WHERE instance_id = {{{instance}}}"
    )


def without(text: str, kind: int) -> str:
    """An entry less."""
    return f"DELETE FROM ledger_entry WHERE message_id = {{{text}}} AND kind = {kind}"


def priced(text: str, kind: int, amount: int) -> str:
    """An entry with another amount."""
    return (
        f"UPDATE ledger_entry SET amount_micros = {amount} "
        f"WHERE message_id = {{{text}}} AND kind = {kind}"
    )


def topped_up(top_up: str) -> str:
    """An entry for a top-up."""
    return f"{ENTRY} VALUES ({{instance}}, 1, {TOP_UP}, NULL, {{{top_up}}}, NULL)"


TWICE = "DROP INDEX ledger_entry_once"
TOPPED_TWICE = "DROP INDEX ledger_entry_top_up"
HOLD, CAPTURE, RELEASE, REFUND = 2, 3, 4, 5

# What is broken, how, and what is found of whom; several where one follows from the other.
BREAKS: dict[str, tuple[list[str], list[tuple[str, str, str]]]] = {
    "I1 available is not the sum": (
        [move("instance", available=5, spent=-5)],
        [("I1", "instance", "found a balance of ")],
    ),
    "I1 spent is not the sum, and money came from nowhere": (
        [move("instance", spent=5)],
        [("I1", "instance", "found a balance of "), ("I5", "instance", " in the balance, ")],
    ),
    "I1 nothing but held is not the sum": (
        [move("instance", held=5)],
        [("I1", "instance", ""), ("I2", "instance", ""), ("I5", "instance", "")],
    ),
    "I1 held is not the sum, nor that of the holds": (
        [move("instance", available=-5, held=5)],
        [("I1", "instance", ""), ("I2", "instance", f"expected {3 * PRICE}, the sum of the holds")],
    ),
    "I1 an instance without a balance": (
        ["DELETE FROM balance WHERE instance_id = {other}"],
        [("I1", "other", f"found no balance; expected {PRICE} available, 0 held, 0 spent")],
    ),
    "I1 an entry that did not move the balance": (
        [f"{ENTRY} VALUES ({{instance}}, 6, 7, NULL, NULL, 'x')"],
        [("I1", "instance", ""), ("I5", "instance", "expected")],
    ),
    "I2 a hold that the queue knows nothing of": (
        ["UPDATE dispatch SET held = false WHERE message_id = {doubtful}"],
        [("I2", "doubtful", f"found an open hold of {PRICE}; expected none, since the queue")],
    ),
    "I2 a hold whose queue row is gone": (
        ["DELETE FROM dispatch WHERE message_id = {leased}"],
        [("I2", "leased", f"found an open hold of {PRICE}; expected none")],
    ),
    "I2 the queue says held where nothing is": (
        ["UPDATE dispatch SET held = true WHERE message_id = {waiting}"],
        [("I2", "waiting", f"found no open hold; expected one of {PRICE}")],
    ),
    "I2 less is held than the queue says": (
        [priced("leased", HOLD, PRICE - 1), move("instance", available=1, held=-1)],
        [
            ("I2", "leased", f"found an open hold of {PRICE - 1}; expected one of {PRICE}"),
            ("I4", "leased", f"hold {PRICE - 1}; expected nothing, or hold {PRICE} alone"),
        ],
    ),
    "I3 sent without a capture": (
        [without("sent", CAPTURE), move("instance", held=PRICE, spent=-PRICE)],
        [
            ("I2", "sent", "found an open hold"),
            ("I3", "sent", f"found Sent with hold {PRICE}; expected hold {PRICE}, capture {PRICE}"),
        ],
    ),
    "I3 sent for nothing": (
        [
            without("sent", CAPTURE),
            without("sent", HOLD),
            move("instance", available=PRICE, spent=-PRICE),
        ],
        [("I3", "sent", "found Sent with no entry")],
    ),
    "I3 delivered for less than its price": (
        [
            priced("delivered", HOLD, 1),
            priced("delivered", CAPTURE, 1),
            move("instance", available=PRICE - 1, spent=1 - PRICE),
        ],
        [("I3", "delivered", "found Delivered with hold 1, capture 1")],
    ),
    "I3 captured more than was held": (
        [priced("sent", CAPTURE, PRICE + 1), move("instance", held=-1, spent=1)],
        [
            ("I2", "instance", ""),
            ("I3", "sent", f"found Sent with hold {PRICE}, capture {PRICE + 1}"),
        ],
    ),
    "I3 captured what was not held": (
        [without("sent", HOLD), move("instance", available=PRICE, held=-PRICE)],
        [("I2", "instance", ""), ("I3", "sent", f"found Sent with capture {PRICE}")],
    ),
    "I3 captured and refunded what was not held": (
        [
            without("sent", HOLD),
            entry("instance", REFUND, PRICE, "sent"),
            move("instance", available=2 * PRICE, held=-PRICE, spent=-PRICE),
        ],
        [
            ("I2", "instance", ""),
            ("I3", "sent", f"found Sent with capture {PRICE}, refund {PRICE}"),
        ],
    ),
    "I3 held more than was captured": (
        [priced("sent", HOLD, PRICE + 1), move("instance", available=-1, held=1)],
        [
            ("I2", "instance", ""),
            ("I3", "sent", f"found Sent with hold {PRICE + 1}, capture {PRICE}"),
        ],
    ),
    "I3 captured twice": (
        [
            TWICE,
            entry("instance", CAPTURE, PRICE, "sent"),
            move("instance", held=-PRICE, spent=PRICE),
        ],
        [("I2", "instance", ""), ("I3", "sent", f"capture {PRICE}, capture {PRICE}")],
    ),
    "I3 held twice": (
        [
            TWICE,
            entry("instance", HOLD, PRICE, "delivered"),
            move("instance", available=-PRICE, held=PRICE),
        ],
        [("I2", "instance", ""), ("I3", "delivered", f"capture {PRICE}, hold {PRICE}")],
    ),
    "I3 sent and refunded": (
        [
            entry("instance", REFUND, PRICE, "sent"),
            move("instance", available=PRICE, spent=-PRICE),
        ],
        [("I3", "sent", f"found Sent with hold {PRICE}, capture {PRICE}, refund {PRICE}")],
    ),
    "I3 sent and released": (
        [
            "UPDATE ledger_entry SET kind = 4 WHERE message_id = {sent} AND kind = 3",
            move("instance", available=PRICE, spent=-PRICE),
        ],
        [("I3", "sent", f"found Sent with hold {PRICE}, release {PRICE}")],
    ),
    "I3 sent, and charged to another instance": (
        [
            "UPDATE ledger_entry SET instance_id = {other} WHERE message_id = {sent}",
            move("instance", available=PRICE, spent=-PRICE),
            move("other", available=-PRICE, spent=PRICE),
        ],
        [
            ("I3", "sent", "found Sent with no entry"),
            ("I4", "sent", f"found No text of this instance with hold {PRICE}, capture {PRICE}"),
        ],
    ),
    "I4 refused, and the hold kept": (
        [without("refused", RELEASE), move("instance", available=-PRICE, held=PRICE)],
        [
            ("I2", "refused", ""),
            ("I4", "refused", f"found Failed with hold {PRICE}; expected nothing, or hold {PRICE}"),
        ],
    ),
    "I4 refused, and released less": (
        [priced("refused", RELEASE, 1), move("instance", available=1 - PRICE, held=PRICE - 1)],
        [("I2", "instance", ""), ("I4", "refused", "release 1; expected")],
    ),
    "I4 released without a hold": (
        [without("refused", HOLD), move("instance", available=PRICE, held=-PRICE, spent=0)],
        [("I2", "instance", ""), ("I4", "refused", f"found Failed with release {PRICE}")],
    ),
    "I4 refunded what was not captured": (
        [
            entry("instance", REFUND, PRICE, "refused"),
            move("instance", available=PRICE, spent=-PRICE),
        ],
        [("I4", "refused", f"release {PRICE}, refund {PRICE}")],
    ),
    "I4 refunded more than was captured": (
        [priced("refunded", REFUND, PRICE + 1), move("instance", available=1, spent=-1)],
        [("I4", "refunded", f"capture {PRICE}, refund {PRICE + 1}")],
    ),
    "I4 refunded twice": (
        [
            TWICE,
            entry("instance", REFUND, PRICE, "refunded"),
            move("instance", available=PRICE, spent=-PRICE),
        ],
        [("I4", "refunded", f"refund {PRICE}, refund {PRICE}")],
    ),
    "I4 failed, and captured twice": (
        [
            TWICE,
            entry("instance", CAPTURE, PRICE, "undelivered"),
            move("instance", held=-PRICE, spent=PRICE),
        ],
        [("I2", "instance", ""), ("I4", "undelivered", f"capture {PRICE}, capture {PRICE}")],
    ),
    "I4 failed, and held twice": (
        [
            TWICE,
            entry("instance", HOLD, PRICE, "undelivered"),
            move("instance", available=-PRICE, held=PRICE),
        ],
        [("I2", "instance", ""), ("I4", "undelivered", f"capture {PRICE}, hold {PRICE}")],
    ),
    "I4 captured while it is in the queue": (
        [
            entry("instance", CAPTURE, PRICE, "doubtful"),
            "UPDATE dispatch SET held = false WHERE message_id = {doubtful}",
            move("instance", held=-PRICE, spent=PRICE),
        ],
        [("I4", "doubtful", f"found In progress, in the queue, with hold {PRICE}, capture")],
    ),
    "I4 sent, captured, and still in the queue": (
        [
            "INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, "
            "valid_until, cost_micros) SELECT id, instance_id, sending_number_id, 5, 1, now(), "
            "cost_micros FROM message WHERE id = {sent}"
        ],
        [("I4", "sent", f"found Sent, in the queue, with hold {PRICE}, capture {PRICE}; expected")],
    ),
    "I4 captured before it was sent": (
        [
            "DELETE FROM dispatch WHERE message_id = {leased}",
            entry("instance", CAPTURE, PRICE, "leased"),
            move("instance", held=-PRICE, spent=PRICE),
        ],
        [("I4", "leased", f"found Pending with hold {PRICE}, capture {PRICE}")],
    ),
    "I4 charged for what could not be paid": (
        [
            entry("instance", HOLD, PRICE, "unpaid"),
            entry("instance", RELEASE, PRICE, "unpaid"),
        ],
        [("I4", "unpaid", "found Insufficient funds with hold")],
    ),
    "I4 in the queue although it could not be paid": (
        [
            "INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, "
            "valid_until, cost_micros) SELECT message_id, instance_id, sending_number_id, 5, 1, "
            "valid_until, cost_micros FROM unfunded WHERE message_id = {unpaid}"
        ],
        [("I4", "unpaid", f"found in the queue for {PRICE}, status 6; expected not in the queue")],
    ),
    "I4 in the queue for another price": (
        ["UPDATE dispatch SET cost_micros = 1 WHERE message_id = {waiting}"],
        [("I4", "waiting", f"found in the queue for 1, status 1; expected {PRICE}, the price")],
    ),
    "I4 in the queue for no price": (
        ["UPDATE dispatch SET cost_micros = NULL WHERE message_id = {waiting}"],
        [("I4", "waiting", "found in the queue for nothing, status 1; expected")],
    ),
    "I4 to be requeued although it was sent": (
        ["UPDATE unfunded SET message_id = {sent}"],
        [("I4", "sent", f"found waits to be requeued for {PRICE}, status 3; expected status 6")],
    ),
    "I4 to be requeued for another price": (
        ["UPDATE unfunded SET cost_micros = 1"],
        [("I4", "unpaid", "found waits to be requeued for 1, status 6; expected status 6, and")],
    ),
    "I4 to be requeued, and there is no such text": (
        ["UPDATE unfunded SET message_id = {top_up}"],
        [("I4", "top_up", "found waits to be requeued for 15000, status none")],
    ),
    "I4 charged for what was accepted before the ledger": (
        [
            entry("instance", HOLD, PRICE, "free"),
            entry("instance", CAPTURE, PRICE, "free"),
            move("instance", available=-PRICE, spent=PRICE),
        ],
        [("I4", "free", f"found Sent with hold {PRICE}, capture {PRICE}; expected nothing")],
    ),
    "I4 charged for a text that is not there": (
        [entry("instance", HOLD, 0, "top_up"), entry("instance", RELEASE, 0, "top_up")],
        [("I4", "top_up", "found No text of this instance with hold 0, release 0")],
    ),
    "I4 charged to another instance": (
        [entry("other", HOLD, 0, "free"), entry("other", RELEASE, 0, "free")],
        [("I4", "free", "found No text of this instance with hold 0, release 0; expected nothing")],
    ),
    "I5 money in a balance that never came in": (
        [move("other", available=9)],
        [
            ("I1", "other", ""),
            ("I5", "other", f"found {PRICE + 9} in the balance, spent included; expected {PRICE}"),
        ],
    ),
    "I5 a top-up that never arrived": (
        [
            "DELETE FROM ledger_entry WHERE top_up_id = {top_up}",
            move("instance", available=-TOP_UP),
        ],
        [("I5", "top_up", f"found a top-up without an entry; expected one entry of {TOP_UP}")],
    ),
    "I5 a top-up that arrived in part": (
        [
            "UPDATE ledger_entry SET amount_micros = 1 WHERE top_up_id = {top_up}",
            move("instance", available=1 - TOP_UP),
        ],
        [("I5", "top_up", "found a top-up of 1, in 1 entries; expected one entry of")],
    ),
    "I5 a top-up that arrived twice": (
        [
            TOPPED_TWICE,
            topped_up("top_up"),
            move("instance", available=TOP_UP),
        ],
        [("I5", "top_up", f"found a top-up of {2 * TOP_UP}, in 2 entries")],
    ),
    "I5 money of a top-up that was declined": (
        [
            topped_up("declined"),
            move("instance", available=TOP_UP),
        ],
        [("I5", "declined", "expected none, since it has not succeeded")],
    ),
    "I5 money of a top-up that there is not": (
        [
            topped_up("sent"),
            move("instance", available=TOP_UP),
        ],
        [("I5", "sent", "expected none, since it has not succeeded")],
    ),
    "I5 a top-up that went to another instance": (
        [
            "UPDATE ledger_entry SET instance_id = {other} WHERE top_up_id = {top_up}",
            move("instance", available=-TOP_UP),
            move("other", available=TOP_UP),
        ],
        [("I5", "top_up", "a top-up"), ("I5", "top_up", "a top-up")],
    ),
    "I6 failed, captured and released": (
        [
            TWICE,
            entry("instance", CAPTURE, PRICE, "refused"),
            move("instance", held=-PRICE, spent=PRICE),
        ],
        [
            ("I2", "instance", ""),
            ("I4", "refused", f"release {PRICE}, capture {PRICE}"),
            (
                "I6",
                "refused",
                f"found capture {PRICE} and release {PRICE}; expected one of the two",
            ),
        ],
    ),
    "I6 sent, captured and released": (
        [
            TWICE,
            entry("instance", RELEASE, PRICE, "sent"),
            move("instance", available=PRICE, held=-PRICE),
        ],
        [
            ("I2", "instance", ""),
            ("I3", "sent", f"capture {PRICE}, release {PRICE}"),
            ("I6", "sent", f"found capture {PRICE} and release {PRICE}"),
        ],
    ),
}


@pytest.fixture(scope="module")
async def kept(databases: Databases) -> AsyncIterator[tuple[Pool, Books]]:
    """A ledger that is right, for all tests here: each leaves it as it was."""
    async with databases.database() as url:
        pool = await open_pool(url, min_size=1, max_size=6, application_name="tests")
        books = await make_books(pool)
        yield pool, books
        pool.terminate()


@asynccontextmanager
async def broken(pool: Pool, books: Books, statements: list[str]) -> AsyncIterator[Connection]:
    """A connection on which the statements have been run, in a transaction that is undone."""
    ids = {name: f"'{value}'::uuid" for name, value in asdict(books).items()}
    async with pool.acquire() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(
                "ALTER TABLE balance DROP CONSTRAINT balance_held_micros_check"
            )
            for statement in statements:
                await connection.execute(statement.format(**ids))
            yield connection
        finally:
            await transaction.rollback()


@pytest.mark.parametrize("name", BREAKS)
async def test_what_breaks_an_invariant_is_found(kept: tuple[Pool, Books], name: str) -> None:
    pool, books = kept
    statements, expected = BREAKS[name]
    async with broken(pool, books, statements) as connection:
        found = await check_ledger(connection)
    subjects = [(each.invariant, each.subject_id) for each in found]
    assert subjects == [(invariant, getattr(books, who)) for invariant, who, _ in expected], found
    for violation, (_, _, text) in zip(found, expected, strict=True):
        assert text in violation.text


async def test_a_ledger_that_is_right_passes(kept: tuple[Pool, Books]) -> None:
    pool, books = kept
    async with pool.acquire() as connection:
        assert await check_ledger(connection) == []
        checked = await examine_ledger(connection)
        assert (checked.instances, checked.entries, checked.texts) == (2, 17, 11)
        assert checked.violations == []
        checked = await examine_ledger(connection, books.other)
        assert (checked.instances, checked.entries, checked.texts) == (1, 1, 1)


@pytest.mark.parametrize("name", BREAKS)
async def test_each_instance_is_checked_by_itself(kept: tuple[Pool, Books], name: str) -> None:
    pool, books = kept
    statements, _ = BREAKS[name]
    async with broken(pool, books, statements) as connection:
        found = await check_ledger(connection)
        for instance_id in (books.instance, books.other):
            of_one = [each for each in found if each.instance_id == instance_id]
            assert await check_ledger(connection, instance_id) == of_one


async def test_no_more_rows_are_shown_than_asked_for(kept: tuple[Pool, Books]) -> None:
    pool, books = kept
    everything = [
        "DELETE FROM dispatch",
        "DELETE FROM ledger_entry",
        "UPDATE message SET status = 3",
    ]
    async with broken(pool, books, everything) as connection:
        found = await check_ledger(connection, most_rows=2)
    counts = {name: sum(each.invariant == name for each in found) for name in INVARIANTS}
    assert counts == {"I1": 2, "I2": 1, "I3": 2, "I4": 1, "I5": 2, "I6": 0}


async def test_a_check_changes_nothing_and_leaves_the_settings_of_the_session(
    kept: tuple[Pool, Books],
) -> None:
    pool, _ = kept
    async with pool.acquire() as connection:
        before = await settings(connection)
        await check_ledger(connection)
        assert await settings(connection) == before


async def settings(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT name || ' ' || setting AS shown FROM pg_settings ORDER BY 1"
    )
    return [row["shown"] for row in rows]


async def test_one_process_checks_at_a_time(kept: tuple[Pool, Books]) -> None:
    pool, _ = kept
    async with pool.acquire() as one, pool.acquire() as two:
        assert await check_ledger_in_turn(one) == []
        async with one.transaction():
            await one.execute("SELECT pg_advisory_xact_lock(7167236, 2)")
            assert await check_ledger_in_turn(two) is None
        assert await check_ledger_in_turn(two) == []


async def test_the_dispatcher_may_check_all_instances_and_takes_longer_than_its_statements(
    database_url: str, pool: Pool
) -> None:
    await make_books(pool)
    opened = await open_pool(
        database_url,
        min_size=1,
        max_size=1,
        application_name="dispatcher",
        role=SessionRole.DISPATCHER,
        statement_timeout_ms=300,
        index_plans=True,
    )
    await pool.execute(
        "CREATE FUNCTION slow(uuid) RETURNS boolean LANGUAGE sql "
        "AS 'SELECT pg_sleep(0.2) IS NOT NULL';"
        "ALTER TABLE balance RENAME TO balances;"
        "CREATE VIEW balance AS SELECT * FROM balances WHERE slow(instance_id);"
        "GRANT SELECT ON balance TO outbound_sms_dispatcher"
    )
    try:
        async with opened.acquire() as connection:
            with pytest.raises(asyncpg.QueryCanceledError):
                await connection.fetch("SELECT * FROM balance")
            checked = await examine_ledger(connection)
    finally:
        opened.terminate()
        await pool.execute("DROP VIEW balance; ALTER TABLE balances RENAME TO balance")
    assert (checked.instances, checked.violations) == (2, [])


async def test_a_live_ledger_raises_no_false_alarm(pool: Pool) -> None:
    queues = [
        await fill_queue(pool, 400, name=f"N{n}", sender=f"+1202555019{n}", funds=200 * PRICE)
        for n in range(4)
    ]

    async def write(sending_number_id: UUID, instance_id: UUID, owner: UUID) -> None:
        for turn in range(40):
            claimed = await claim(pool, sending_number_id, most=10)
            await intend(pool, claimed)
            await settle(pool, claimed[:6])
            await settle(pool, claimed[6:9], accepted=False)
            await receipts.store_receipts(
                pool, [receipt(each.message_id, 3 + turn % 3) for each in claimed[:4]]
            )
            await receipts.apply_receipts(pool, 100)
            await receipts.refund(pool, 100)
            await add_funds(pool, instance_id, 1)

    found: list[Violation] = []
    checks = 0
    async with asyncio.TaskGroup() as writers:
        tasks = [
            writers.create_task(write(each.sending_number_id, each.instance_id, each.body_id))
            for each in queues
        ]
        while not all(task.done() for task in tasks):
            async with pool.acquire() as connection:
                found += await check_ledger(connection)
            checks += 1
    assert found == []
    assert checks >= 10
    left = await pool.fetch("SELECT status, count(*) FROM message GROUP BY 1 ORDER BY 1")
    assert {row["status"] for row in left} >= {3, 4, 5, 6}
