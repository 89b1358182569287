"""The entries of an instance's ledger as they are listed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from outbound_sms.domain.ledger import LedgerEntryKind as Kind
from outbound_sms.store import ledger
from outbound_sms.store.pool import Pool
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1.billing_pb2_grpc import BillingStub
from tests.factories import Isp, add_funds, make_isp
from tests.paid_texts import NOT_CHARGED, PRICE, REFUSED, SENT, PaidTexts
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode
FUNDS = 1_000_000
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    return await make_isp(pool, instance_id=instance.instance.id, funds=FUNDS)


async def entries(billing: Any, **wanted: Any) -> list[pb.LedgerEntry]:
    answer = await billing.ListLedgerEntries(pb.ListLedgerEntriesRequest(**wanted))
    return list(answer.ledger_entries)


async def test_entries_say_what_moved_newest_first(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    text = str(await texts.add(NOT_CHARGED))
    answer = await billing.ListLedgerEntries(pb.ListLedgerEntriesRequest())
    found = list(answer.ledger_entries)
    assert (answer.currency, answer.next_page_token) == ("USD", "")
    assert [
        (each.kind, each.available_micros, each.held_micros, each.spent_micros) for each in found
    ] == [
        (pb.LEDGER_ENTRY_KIND_REFUND, PRICE, 0, -PRICE),
        (pb.LEDGER_ENTRY_KIND_CAPTURE, 0, -PRICE, PRICE),
        (pb.LEDGER_ENTRY_KIND_HOLD, -PRICE, PRICE, 0),
        (pb.LEDGER_ENTRY_KIND_ADJUSTMENT, FUNDS, 0, 0),
    ]
    assert [each.amount_micros for each in found] == [PRICE] * 3 + [FUNDS]
    assert [each.message_id for each in found] == [text] * 3 + [""]
    assert [each.note for each in found] == ["", "", "", "Test"]
    assert all(each.entry_time.seconds > 0 and not each.top_up_id for each in found)


async def test_pages_go_on_where_the_last_one_ended_while_entries_are_added(
    billing: Any, pool: Pool, isp: Isp, texts: PaidTexts
) -> None:
    for _ in range(5):
        await texts.add(SENT)
    everything = await entries(billing)
    found, token = [], ""
    while True:
        request = pb.ListLedgerEntriesRequest(page_size=3, page_token=token)
        answer = await billing.ListLedgerEntries(request)
        found += list(answer.ledger_entries)
        token = answer.next_page_token
        if not token:
            break
        assert len(answer.ledger_entries) == 3
        await texts.add(SENT)
    assert found == everything
    assert len(found) == 11


async def test_filters_must_all_match(
    billing: Any, isp: Isp, texts: PaidTexts, other_instance: Tenant, stub: Stubs
) -> None:
    sent = str(await texts.add(SENT))
    refused = str(await texts.add(REFUSED))
    hold, release = pb.LEDGER_ENTRY_KIND_HOLD, pb.LEDGER_ENTRY_KIND_RELEASE
    assert [each.kind for each in await entries(billing, kinds=[hold, release])] == [4, 2, 2]
    assert len(await entries(billing, kinds=[hold, 0])) == 5
    assert [each.kind for each in await entries(billing, message_id=sent)] == [3, 2]
    assert [each.kind for each in await entries(billing, message_id=sent, kinds=[release])] == []
    assert [each.kind for each in await entries(billing, message_id=refused.upper())] == [4, 2]
    assert await entries(billing, message_id=str(uuid4())) == []
    others = stub(BillingStub, other_instance.key)
    assert await entries(others) == []
    assert await entries(others, message_id=sent) == []


async def test_times_include_the_start_and_not_the_end(
    billing: Any, isp: Isp, texts: PaidTexts
) -> None:
    times = [START + timedelta(hours=n) for n in range(6)]
    for moment in times:
        await texts.add((Kind.HOLD, Kind.CAPTURE), times=[moment, moment])

    async def hours(**wanted: Any) -> list[int]:
        found = await entries(billing, kinds=[pb.LEDGER_ENTRY_KIND_HOLD], **wanted)
        return [(each.entry_time.ToDatetime(UTC) - START) // timedelta(hours=1) for each in found]

    second = timedelta(microseconds=1)
    assert await hours(start_time=times[1], end_time=times[4]) == [3, 2, 1]
    assert await hours(start_time=times[1] + second, end_time=times[4] + second) == [4, 3, 2]
    assert await hours(end_time=times[2]) == [1, 0]
    assert await hours(start_time=times[4]) == [5, 4]
    assert await hours(end_time=START) == []
    assert await hours(start_time=datetime.max.replace(tzinfo=UTC)) == []
    assert await hours(end_time=datetime(1, 1, 1, tzinfo=UTC)) == []
    assert len(await hours(start_time=datetime(1, 1, 1, tzinfo=UTC))) == 6


async def test_ids_and_times_that_are_not_in_the_same_order_lose_no_entry(
    billing: Any, isp: Isp, texts: PaidTexts
) -> None:
    """As when transactions overlap, or another machine's clock goes differently."""
    minutes = [20, 3, 41, 7, 55, 0, 38, 12, 59, 30, 1, 48]
    for minute in minutes:
        await texts.add(SENT, times=[START + timedelta(minutes=minute)] * 2)
    for since in range(0, 60, 5):
        found = await entries(
            billing,
            kinds=[pb.LEDGER_ENTRY_KIND_CAPTURE],
            start_time=START + timedelta(minutes=since),
            end_time=START + timedelta(minutes=since + 20),
        )
        assert len(found) == sum(since <= minute < since + 20 for minute in minutes)


async def test_all_that_is_wrong_with_a_list_is_said_at_once(billing: Any) -> None:
    told = await failure(
        entries(
            billing,
            kinds=[2, 99],
            message_id="x",
            start_time=START,
            end_time=START,
        )
    )
    assert told.code is Code.INVALID_ARGUMENT
    assert set(told.violations) == {"kinds", "message_id", "end_time"}


async def test_a_time_far_back_is_found_without_reading_what_came_since(
    pool: Pool, isp: Isp
) -> None:
    """A million entries of a year would be read otherwise."""
    entries_made = 20_000
    await pool.execute(
        "INSERT INTO ledger_entry (instance_id, kind, amount_micros, note, entry_time) "
        "SELECT $1, 6, 1, 'One', $2::timestamptz + n * interval '10 minutes' "
        "FROM generate_series(1, $3::int) n",
        isp.instance_id,
        START,
        entries_made,
    )
    # Another's entries are not to be read either.
    other = await make_isp(pool, sender="+12125550101")
    await add_funds(pool, other.instance_id, 1)
    await pool.execute("ANALYZE ledger_entry")
    wanted = ledger.LedgerFilter(start=START, end=START + timedelta(hours=2))
    async with pool.acquire() as connection, connection.transaction():
        before = await _rows_read(connection)
        found = await ledger.list_entries(connection, isp.instance_id, wanted, None, 51)
        read = await _rows_read(connection) - before
    assert len(found) == 11
    assert read < entries_made / 50


async def _rows_read(connection: Any) -> int:
    read: int = await connection.fetchval(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
        "WHERE relname = 'ledger_entry'"
    )
    return read
