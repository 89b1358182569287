"""The walls around money that the database itself keeps, whatever the server does."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.domain.errors import Reason, WrongState
from outbound_sms.domain.ledger import LedgerEntryKind as Kind
from outbound_sms.store import balances
from outbound_sms.store.pool import Pool, SessionRole
from tests.factories import Isp, add_funds, make_isp
from tests.paid_texts import NOT_CHARGED, ON_ITS_WAY, PRICE, REFUSED, SENT, PaidTexts, paid_texts

FUNDS = 100_000
LARGEST = 2**63 - 1

_ENTRY = """
INSERT INTO ledger_entry (instance_id, kind, amount_micros, message_id, top_up_id, note)
VALUES ($1, $2, $3, $4, $5, $6)
"""


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    return await make_isp(pool, funds=FUNDS)


@pytest.fixture
async def texts(pool: Pool, isp: Isp) -> PaidTexts:
    return await paid_texts(pool, isp)


async def everything(pool: Pool) -> list[Any]:
    """All that is stored about money."""
    return [
        await pool.fetchval(f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} t")
        for table in ("balance", "ledger_entry", "top_up", "message", "dispatch", "unfunded")
    ]


async def amounts(pool: Pool, isp: Isp) -> tuple[int, int, int]:
    found = await balances.get_balance(pool, isp.instance_id)
    return found.available_micros, found.held_micros, found.spent_micros


async def enter(
    pool: Pool,
    isp: Isp,
    kind: int,
    amount: int,
    message_id: UUID | None = None,
    top_up_id: UUID | None = None,
    note: str | None = None,
) -> None:
    await pool.execute(_ENTRY, isp.instance_id, kind, amount, message_id, top_up_id, note)


async def add_top_up(pool: Pool, isp: Isp, amount: int) -> UUID:
    made: UUID = await pool.fetchval(
        "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
        "payment_method) VALUES ($1, false, $2, 'USD', '', 'pm_card_visa') RETURNING id",
        isp.instance_id,
        amount,
    )
    return made


@pytest.mark.parametrize("role", [*SessionRole, None])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entry SET amount_micros = amount_micros",
        "UPDATE ledger_entry SET note = 'Another'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
    ],
)
async def test_nobody_changes_or_deletes_an_entry_not_even_the_owner(
    pool: Pool, texts: PaidTexts, role: SessionRole | None, change: str
) -> None:
    await texts.add(SENT)
    before = await everything(pool)
    refused: type[Exception] = (
        asyncpg.IntegrityConstraintViolationError
        if role is None
        else asyncpg.InsufficientPrivilegeError
    )
    async with pool.acquire() as connection:
        with pytest.raises(refused):
            async with connection.transaction():
                if role is not None:
                    await connection.execute(f"SET LOCAL ROLE {role}")
                await connection.execute(change)
    assert await everything(pool) == before


@pytest.mark.parametrize("column", ["available_micros", "held_micros", "spent_micros"])
@pytest.mark.parametrize("role", [*SessionRole, None])
async def test_the_amounts_of_a_balance_change_by_entries_only(
    pool: Pool, isp: Isp, role: SessionRole | None, column: str
) -> None:
    before = await everything(pool)
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="follows its ledger"):
            async with connection.transaction():
                await connection.execute(
                    "SELECT set_config('app.instance_id', $1, true)", str(isp.instance_id)
                )
                if role is not None:
                    await connection.execute(f"SET LOCAL ROLE {role}")
                await connection.execute(f"UPDATE balance SET {column} = {column} + 1")
    assert await everything(pool) == before


async def test_a_balance_is_not_deleted_or_made_twice(pool: Pool, isp: Isp) -> None:
    before = await everything(pool)
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute("INSERT INTO balance (instance_id) SELECT id FROM instance")
    async with pool.acquire() as connection:
        for role in SessionRole:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL ROLE {role}")
                    await connection.execute("DELETE FROM balance")
    assert await everything(pool) == before


@pytest.mark.parametrize(
    ("history", "kind"),
    [
        (ON_ITS_WAY, Kind.HOLD),
        (SENT, Kind.HOLD),
        (SENT, Kind.CAPTURE),
        (SENT, Kind.RELEASE),
        (REFUSED, Kind.CAPTURE),
        (REFUSED, Kind.RELEASE),
        (NOT_CHARGED, Kind.REFUND),
        (NOT_CHARGED, Kind.RELEASE),
    ],
)
async def test_what_was_done_for_a_text_is_not_done_again_nor_undone(
    pool: Pool, isp: Isp, texts: PaidTexts, history: tuple[Kind, ...], kind: Kind
) -> None:
    # Others' money is held and spent, so that the amounts alone would allow it.
    await texts.add(ON_ITS_WAY)
    await texts.add(SENT)
    text = await texts.add(history)
    before = await everything(pool)
    with pytest.raises(asyncpg.UniqueViolationError, match="ledger_entry_once"):
        await enter(pool, isp, kind, PRICE, text)
    assert await everything(pool) == before


async def test_no_more_is_held_captured_or_refunded_than_there_is(
    pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    before = await everything(pool)
    for kind, amount in (
        (Kind.HOLD, FUNDS + 1),
        (Kind.CAPTURE, 1),
        (Kind.RELEASE, 1),
        (Kind.REFUND, 1),
    ):
        text = await pool.fetchval("SELECT new_id()")
        with pytest.raises(asyncpg.CheckViolationError, match="balance_"):
            await enter(pool, isp, kind, amount, text)
    with pytest.raises(asyncpg.CheckViolationError, match="balance_available_micros"):
        await enter(pool, isp, Kind.ADJUSTMENT, -FUNDS - 1, note="Too much")
    assert await everything(pool) == before


async def test_several_entries_that_are_too_much_together_are_refused_together(
    pool: Pool, isp: Isp
) -> None:
    before = await everything(pool)
    with pytest.raises(asyncpg.CheckViolationError, match="balance_available_micros"):
        await pool.execute(
            "INSERT INTO ledger_entry (instance_id, kind, amount_micros, message_id) "
            "SELECT $1, 2, $2, new_id() FROM generate_series(1, 3)",
            isp.instance_id,
            FUNDS // 2,
        )
    assert await everything(pool) == before


async def test_amounts_that_make_no_sense_are_refused(pool: Pool, isp: Isp) -> None:
    top_up = await add_top_up(pool, isp, 10_000)
    text = await pool.fetchval("SELECT new_id()")
    before = await everything(pool)
    wrong: list[tuple[int, int, dict[str, Any]]] = [
        (Kind.TOP_UP, -10_000, {"top_up_id": top_up}),
        (Kind.TOP_UP, 0, {"top_up_id": top_up}),
        (Kind.ADJUSTMENT, 0, {"note": "Nothing"}),
        *((kind, -1, {"message_id": text}) for kind in (2, 3, 4, 5)),
        (Kind.TOP_UP, 10_000, {}),
        (Kind.TOP_UP, 10_000, {"top_up_id": top_up, "note": "Also"}),
        (Kind.ADJUSTMENT, 1, {}),
        (Kind.HOLD, 1, {}),
        (Kind.HOLD, 1, {"message_id": text, "note": "Also"}),
        (0, 1, {"message_id": text}),
        (7, 1, {"note": "Unknown"}),
    ]
    for kind, amount, subject in wrong:
        with pytest.raises(asyncpg.CheckViolationError, match="ledger_entry_"):
            await enter(pool, isp, kind, amount, **subject)
        assert await everything(pool) == before, (kind, amount, subject)


async def test_a_text_that_costs_nothing_is_held_and_captured_once_as_any_other(
    pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    text = await texts.add(SENT, cost=0)
    assert await amounts(pool, isp) == (FUNDS, 0, 0)
    with pytest.raises(asyncpg.UniqueViolationError):
        await enter(pool, isp, Kind.CAPTURE, 0, text)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        (Kind.TOP_UP, LARGEST),
        (Kind.ADJUSTMENT, LARGEST),
        (Kind.ADJUSTMENT, -(2**63)),
        (Kind.HOLD, LARGEST),
        (Kind.HOLD, 2**63),
    ],
)
async def test_amounts_that_overflow_change_nothing(
    pool: Pool, isp: Isp, kind: Kind, amount: int
) -> None:
    top_up = await add_top_up(pool, isp, 10_000)
    before = await everything(pool)
    subject: dict[Kind, dict[str, Any]] = {
        Kind.TOP_UP: {"top_up_id": top_up},
        Kind.ADJUSTMENT: {"note": "Much"},
        Kind.HOLD: {"message_id": top_up},
    }
    refused = (
        asyncpg.NumericValueOutOfRangeError,
        asyncpg.CheckViolationError,
        asyncpg.DataError,
    )
    with pytest.raises(refused):
        await enter(pool, isp, kind, amount, **subject[kind])
    assert await everything(pool) == before


async def test_sums_of_entries_that_overflow_together_change_nothing(pool: Pool, isp: Isp) -> None:
    before = await everything(pool)
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await pool.execute(
            "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) "
            "SELECT $1, 6, $2, 'Much' FROM generate_series(1, 2)",
            isp.instance_id,
            LARGEST - FUNDS,
        )
    assert await everything(pool) == before


async def test_the_largest_balance_that_can_be_stored_is_exact(pool: Pool, isp: Isp) -> None:
    await add_funds(pool, isp.instance_id, LARGEST - FUNDS)
    assert await amounts(pool, isp) == (LARGEST, 0, 0)
    await add_funds(pool, isp.instance_id, -LARGEST)
    assert await amounts(pool, isp) == (0, 0, 0)


async def test_one_statement_moves_the_balances_of_several_instances(pool: Pool, isp: Isp) -> None:
    other = await make_isp(pool, sender="+12125550101", funds=0)
    bystander = await make_isp(pool, sender="+12125550102", funds=7)
    await pool.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) "
        "VALUES ($1, 6, 5, 'a'), ($2, 6, 20, 'b'), ($1, 6, -2, 'c'), ($2, 6, -8, 'd')",
        isp.instance_id,
        other.instance_id,
    )
    found = [await amounts(pool, each) for each in (isp, other, bystander)]
    assert found == [(FUNDS + 3, 0, 0), (12, 0, 0), (7, 0, 0)]


async def test_entries_of_many_at_the_same_time_neither_lose_money_nor_lock_each_other_out(
    pool: Pool, isp: Isp
) -> None:
    other = await make_isp(pool, sender="+12125550101", funds=FUNDS)
    ids = [isp.instance_id, other.instance_id]

    async def add(number: int) -> None:
        for _ in range(25):
            await pool.execute(
                "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) "
                "SELECT id, 6, 1, 'One' FROM unnest($1::uuid[]) id",
                ids if number % 2 else ids[::-1],
            )

    await asyncio.gather(*map(add, range(8)))
    assert [await amounts(pool, each) for each in (isp, other)] == [(FUNDS + 200, 0, 0)] * 2


async def test_every_instance_gets_a_balance_and_an_entry_without_one_is_refused(
    pool: Pool,
) -> None:
    made = await make_isp(pool, funds=0)
    assert await amounts(pool, made) == (0, 0, 0)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await add_funds(pool, UUID(int=1), 5)


async def test_an_adjustment_takes_no_more_than_is_available(
    pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    await texts.add(ON_ITS_WAY)
    before = await everything(pool)
    async with pool.acquire() as connection:
        with pytest.raises(WrongState) as refused:
            async with connection.transaction():
                await balances.adjust_balance(
                    connection, isp.instance_id, -(FUNDS - PRICE) - 1, "Correction"
                )
        assert refused.value.reason is Reason.BALANCE_TOO_LOW
        assert refused.value.metadata == {"available_micros": str(FUNDS - PRICE)}
        assert await everything(pool) == before
        async with connection.transaction():
            await balances.adjust_balance(
                connection, isp.instance_id, -(FUNDS - PRICE), "Correction"
            )
    assert await amounts(pool, isp) == (0, PRICE, 0)


async def test_parallel_adjustments_never_take_more_than_there_is(pool: Pool, isp: Isp) -> None:
    async def take() -> bool:
        async with pool.acquire() as connection:
            try:
                async with connection.transaction():
                    await balances.adjust_balance(
                        connection, isp.instance_id, -FUNDS // 4, "Correction"
                    )
            except WrongState:
                return False
        return True

    taken = await asyncio.gather(*(take() for _ in range(10)))
    assert sum(taken) == 4
    assert await balances.available_micros(pool, isp.instance_id) == 0


async def test_each_fall_below_the_threshold_is_told_once(pool: Pool, isp: Isp) -> None:
    await pool.execute("UPDATE balance SET low_funds_threshold_micros = $1", FUNDS)
    assert await balances.take_low_funds(pool) == []
    times = []
    for _ in range(2):
        await add_funds(pool, isp.instance_id, -10)
        await add_funds(pool, isp.instance_id, -10)
        several = await asyncio.gather(*(balances.take_low_funds(pool) for _ in range(4)))
        (told,) = [each for taken in several for each in taken]
        assert (told.instance_id, told.available_micros) == (isp.instance_id, FUNDS - 20)
        assert told.low_funds_threshold_micros == FUNDS
        times.append(told.low_funds_time)
        await add_funds(pool, isp.instance_id, 20)
    assert times[0] < times[1]
    assert await balances.take_low_funds(pool) == []


async def test_the_ledger_of_all_instances_sums_to_nothing(
    pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    for history in (ON_ITS_WAY, SENT, REFUSED, NOT_CHARGED):
        await texts.add(history)
    sums = await pool.fetchrow(
        "SELECT sum(available_micros + held_micros + spent_micros + external_micros), "
        "sum(available_micros), sum(held_micros), sum(spent_micros) FROM ledger_entry"
    )
    assert sums is not None
    assert tuple(sums) == (0, FUNDS - 2 * PRICE, PRICE, PRICE)
    assert await amounts(pool, isp) == tuple(map(int, map(Decimal, sums[1:])))
