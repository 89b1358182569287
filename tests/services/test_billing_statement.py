"""Statements: months in the instance's own time zone, which agree with the ledger to the micro."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbound_sms.domain.ledger import Amounts
from outbound_sms.domain.ledger import LedgerEntryKind as Kind
from outbound_sms.domain.month import Month, parse_month
from outbound_sms.store import ledger
from outbound_sms.store.balances import get_balance
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1.billing_pb2_grpc import BillingStub
from tests.factories import Isp, make_isp
from tests.paid_texts import NOT_CHARGED, ON_ITS_WAY, PRICE, REFUSED, SENT, PaidTexts, paid_texts
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode
FUNDS = 1_000_000
NEWFOUNDLAND = ZoneInfo("America/St_Johns")
NEW_YORK = ZoneInfo("America/New_York")
ADJUSTED = (Kind.ADJUSTMENT,)


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    made = await make_isp(pool, instance_id=instance.instance.id, funds=0)
    await add_funds_at(pool, made, FUNDS, datetime(2025, 1, 1, tzinfo=UTC))
    return made


async def add_funds_at(db: Any, isp: Isp, amount: int, moment: datetime) -> None:
    await db.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note, entry_time) "
        "VALUES ($1, 6, $2, 'Test', $3)",
        isp.instance_id,
        amount,
        moment,
    )


async def set_zone(pool: Pool, isp: Isp, zone: ZoneInfo) -> None:
    await pool.execute(
        "UPDATE instance SET time_zone = $2 WHERE id = $1", isp.instance_id, zone.key
    )


async def statement(billing: Any, month: str = "") -> pb.GetStatementResponse:
    answer: pb.GetStatementResponse = await billing.GetStatement(
        pb.GetStatementRequest(month=month)
    )
    return answer


def amounts(shown: pb.StatementBalance | pb.StatementLine) -> tuple[int, int, int]:
    return shown.available_micros, shown.held_micros, shown.spent_micros


def lines(answer: pb.GetStatementResponse) -> list[tuple[str, int, int, int]]:
    return [(each.date, each.kind, each.entries, each.billable_segments) for each in answer.lines]


async def test_a_statement_shows_each_day_and_kind_with_segments_and_what_is_left(
    billing: Any, texts: PaidTexts
) -> None:
    noon = datetime(2025, 3, 14, 12, tzinfo=NEW_YORK)
    await texts.add(SENT, segments=2, times=[noon, noon])
    await texts.add(SENT, segments=3, cost=40_000, times=[noon, noon + timedelta(days=1)])
    await texts.add(REFUSED, times=[noon, noon + timedelta(days=1)])
    await texts.add(NOT_CHARGED, times=[noon, noon, noon + timedelta(days=18)])
    answer = await statement(billing, "2025-03")
    assert (answer.month, answer.time_zone, answer.currency) == (
        "2025-03",
        "America/New_York",
        "USD",
    )
    assert amounts(answer.opening) == (FUNDS, 0, 0)
    assert lines(answer) == [
        ("2025-03-14", Kind.HOLD, 4, 7),
        ("2025-03-14", Kind.CAPTURE, 2, 3),
        ("2025-03-15", Kind.CAPTURE, 1, 3),
        ("2025-03-15", Kind.RELEASE, 1, 1),
    ]
    held = 3 * PRICE + 40_000
    assert amounts(answer.lines[0]) == (-held, held, 0)
    assert amounts(answer.closing) == (FUNDS - 2 * PRICE - 40_000, 0, 2 * PRICE + 40_000)
    after = await statement(billing, "2025-04")
    assert amounts(after.opening) == amounts(answer.closing)
    assert lines(after) == [("2025-04-01", Kind.REFUND, 1, 1)]
    assert amounts(after.closing) == (FUNDS - PRICE - 40_000, 0, PRICE + 40_000)


async def test_this_month_so_far_ends_with_the_balance_as_it_stands(
    billing: Any, texts: PaidTexts
) -> None:
    await texts.add(SENT)
    await texts.add(ON_ITS_WAY)
    answer = await statement(billing)
    assert answer.month == str(Month.of(datetime.now(UTC), NEW_YORK))
    assert amounts(answer.opening) == (FUNDS, 0, 0)
    assert amounts(answer.closing) == (FUNDS - 2 * PRICE, PRICE, PRICE)
    balance = (await billing.GetBalance(pb.GetBalanceRequest())).balance
    assert amounts(answer.closing) == amounts(balance)
    assert await statement(billing, answer.month) == answer


async def test_a_month_before_everything_is_empty(billing: Any, isp: Isp) -> None:
    answer = await statement(billing, "2000-01")
    assert not answer.lines
    assert amounts(answer.opening) == amounts(answer.closing) == (0, 0, 0)


@pytest.mark.parametrize(
    "month", ["2025-13", "2025-3", "March", "2025-03-01", "1999-12", "٢٠٢٥-03"]
)
async def test_what_is_not_a_month_is_refused(billing: Any, month: str) -> None:
    told = await failure(statement(billing, month))
    assert (told.code, set(told.violations)) == (Code.INVALID_ARGUMENT, {"month"})
    assert "2026-03" in told.message


async def test_a_month_that_has_still_to_begin_is_refused(billing: Any, isp: Isp) -> None:
    this_month = Month.of(datetime.now(UTC), NEW_YORK)
    for month in (str(this_month.next), "9998-12"):
        told = await failure(statement(billing, month))
        assert (told.code, set(told.violations)) == (Code.INVALID_ARGUMENT, {"month"})
        assert "has still to begin" in told.message


async def test_another_instances_statement_is_its_own(
    stub: Stubs, isp: Isp, other_instance: Tenant
) -> None:
    answer = await statement(stub(BillingStub, other_instance.key), "2025-01")
    assert not answer.lines
    assert amounts(answer.closing) == (0, 0, 0)


@pytest.mark.parametrize(
    ("zone", "month", "first", "after"),
    [
        # Half an hour besides the hours that the others are.
        (NEWFOUNDLAND, "2025-07", "2025-07-01T02:30:00Z", "2025-08-01T02:30:00Z"),
        # Clocks are set forward in March and back in November.
        (NEWFOUNDLAND, "2025-03", "2025-03-01T03:30:00Z", "2025-04-01T02:30:00Z"),
        (NEWFOUNDLAND, "2025-11", "2025-11-01T02:30:00Z", "2025-12-01T03:30:00Z"),
        (NEW_YORK, "2025-12", "2025-12-01T05:00:00Z", "2026-01-01T05:00:00Z"),
    ],
)
async def test_a_month_begins_and_ends_at_midnight_where_the_instance_is(
    billing: Any,
    pool: Pool,
    isp: Isp,
    zone: ZoneInfo,
    month: str,
    first: str,
    after: str,
) -> None:
    await set_zone(pool, isp, zone)
    tick = timedelta(microseconds=1)
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(after)
    for amount, moment in ((1, start - tick), (10, start), (100, end - tick), (1000, end)):
        await add_funds_at(pool, isp, amount, moment)
    answer = await statement(billing, month)
    assert amounts(answer.opening)[0] == FUNDS + 1
    days = parse_month(month).days
    assert [(each.date, each.available_micros) for each in answer.lines] == [
        (days[0].isoformat(), 10),
        (days[-1].isoformat(), 100),
    ]
    assert amounts(answer.closing)[0] == FUNDS + 111


async def test_entries_whose_ids_and_times_are_not_in_the_same_order_are_all_in_their_month(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    midnight = datetime(2025, 4, 1, tzinfo=NEW_YORK)
    hours = [7, -3, 9, -8, 1, -1, 12, -11, 2, -2]
    for hour in hours:
        await add_funds_at(pool, isp, 1, midnight + timedelta(hours=hour))
    before, after = [await statement(billing, month) for month in ("2025-03", "2025-04")]
    assert [each.entries for each in before.lines] == [5]
    assert [each.entries for each in after.lines] == [5]
    assert amounts(before.closing) == amounts(after.opening) == (FUNDS + 5, 0, 0)


async def test_the_days_of_clock_changes_have_23_and_25_hours(
    billing: Any, pool: Pool, isp: Isp
) -> None:
    for month, day, hours in (("2025-03", 9, 23), ("2025-11", 2, 25)):
        start = datetime(int(month[:4]), int(month[5:]), day, tzinfo=NEW_YORK).astimezone(UTC)
        for hour in range(-1, hours + 1):
            await add_funds_at(pool, isp, 1, start + timedelta(hours=hour))
        found = {each.date[-2:]: each.entries for each in (await statement(billing, month)).lines}
        assert found == {f"{day - 1:02}": 1, f"{day:02}": hours, f"{day + 1:02}": 1}


async def test_a_recent_month_does_not_read_the_whole_history(pool: Pool, isp: Isp) -> None:
    made = 20_000
    now = datetime.now(UTC)
    await pool.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note, entry_time) "
        "SELECT $1, 6, 1, 'One', $2::timestamptz - ($3::int - n) * interval '2 hours' "
        "FROM generate_series(1, $3::int) n",
        isp.instance_id,
        now - timedelta(minutes=1),
        made,
    )
    await pool.execute("ANALYZE ledger_entry")
    month = Month.of(now - timedelta(days=31), NEW_YORK)
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        books = await ledger.get_bookkeeping(connection, isp.instance_id)
        before = await _rows_read(connection)
        found = await ledger.make_statement(connection, isp.instance_id, month, books)
        read = await _rows_read(connection) - before
    assert sum(line.entries for line in found.lines) > 300
    assert read < made / 10


@dataclass(frozen=True, slots=True)
class History:
    """Entries of one text or adjustment: which, how much, and hours from the start.

    `drift` is how far the clock was ahead that gave them their times.
    """

    kinds: tuple[Kind, ...]
    cost: int
    segments: int
    hours: list[int]
    drift: int


HISTORIES = st.builds(
    History,
    st.sampled_from([ON_ITS_WAY, SENT, REFUSED, NOT_CHARGED, ADJUSTED]),
    st.integers(0, 3 * PRICE),
    st.integers(1, 9),
    st.lists(st.integers(0, 24 * 120), min_size=3, max_size=3).map(sorted),
    st.integers(0, 20),
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(HISTORIES, max_size=12),
    st.sampled_from(["America/St_Johns", "America/New_York", "America/Phoenix", "UTC"]),
)
async def test_statements_follow_on_one_another_and_sum_up_to_the_ledger(
    pool: Pool, isp: Isp, histories: list[History], zone: str
) -> None:
    """From the first month to this one, whatever moved when."""
    begin = datetime(2025, 1, 15, tzinfo=UTC)
    async with pool.acquire() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute("UPDATE instance SET time_zone = $1", zone)
            texts = await paid_texts(connection, isp)
            moves: list[tuple[int, History, Kind, UUID | None]] = []
            for each in histories:
                text = None
                if each.kinds != ADJUSTED:
                    text = await texts.add_without_entries(
                        each.kinds, segments=each.segments, cost=each.cost
                    )
                hours = zip(each.hours, each.kinds, strict=False)
                moves += [(hour, each, kind, text) for hour, kind in hours]
            for hour, each, kind, text in sorted(moves, key=lambda move: move[0]):
                moment = begin + timedelta(hours=hour + each.drift)
                if text is None:
                    await add_funds_at(connection, isp, each.cost + 1, moment)
                else:
                    await texts.enter(text, kind, each.cost, moment)
            await _check(connection, isp, ZoneInfo(zone))
        finally:
            await transaction.rollback()


async def _check(connection: Connection, isp: Isp, zone: ZoneInfo) -> None:
    books = await ledger.get_bookkeeping(connection, isp.instance_id)
    months = [parse_month(f"2025-{number:02}") for number in range(1, 8)]
    made = [
        await ledger.make_statement(connection, isp.instance_id, month, books) for month in months
    ]
    assert made[0].opening == (Amounts() if zone.key == "UTC" else Amounts(FUNDS))
    assert all(one.closing == other.opening for one, other in pairwise(made))
    assert made[-1].closing == (await get_balance(connection, isp.instance_id)).amounts
    rows = await connection.fetch(
        "SELECT e.entry_time, e.kind, e.available_micros, e.held_micros, e.spent_micros, "
        "coalesce(m.billable_segments, 0) AS segments "
        "FROM ledger_entry e LEFT JOIN message m ON m.id = e.message_id"
    )
    wanted: dict[tuple[Any, int], list[int]] = {}
    for row in rows:
        day = row["entry_time"].astimezone(zone).date()
        if day.year < 2025:
            continue
        sums = wanted.setdefault((day, row["kind"]), [0] * 5)
        moved = (1, row["segments"], *(row[f"{name}_micros"] for name in _AMOUNTS))
        sums[:] = map(sum, zip(sums, moved, strict=True))
    assert {
        (line.day, int(line.kind)): [
            line.entries,
            line.billable_segments,
            line.moved.available_micros,
            line.moved.held_micros,
            line.moved.spent_micros,
        ]
        for each in made
        for line in each.lines
    } == wanted


_AMOUNTS = ("available", "held", "spent")


async def _rows_read(connection: Any) -> int:
    read: int = await connection.fetchval(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
        "WHERE relname = 'ledger_entry'"
    )
    return read
