"""Price lists, as the platform operator sets them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.domain.price_list import PRICE_KEYS
from outbound_sms.store.pool import Pool
from outbound_sms.store.price_lists import MOST_UPCOMING, get_prices
from outboundsms.v1 import billing_pb2
from outboundsms.v1 import price_lists_pb2 as pb
from outboundsms.v1.price_lists_pb2_grpc import PriceListsStub
from tests.price_lists import flat, set_prices
from tests.services.failures import failure
from tests.services.running import Stubs
from tests.waiting import wait_until

Code = grpc.StatusCode
FOUR = tuple((country, int(encoding), n + 1) for n, (country, encoding) in enumerate(PRICE_KEYS))


@pytest.fixture
def operator(stub: Stubs, operator_key: str) -> Any:
    """A stub of PriceLists with a key of the platform operator."""
    return stub(PriceListsStub, operator_key)


def timestamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def price_list(
    prices: tuple[tuple[str, int, int], ...] = FOUR,
    *,
    currency: str = "USD",
    effective_time: datetime | None = None,
) -> billing_pb2.PriceList:
    return billing_pb2.PriceList(
        currency=currency,
        effective_time=timestamp(effective_time) if effective_time else None,
        prices=[
            billing_pb2.SegmentPrice(country=c, encoding=e, price_micros=p)  # type: ignore[arg-type]
            for c, e, p in prices
        ],
    )


async def create(
    operator: Any, given: billing_pb2.PriceList, request_id: str = ""
) -> billing_pb2.PriceList:
    request = pb.CreatePriceListRequest(price_list=given, request_id=request_id)
    made: billing_pb2.PriceList = (await operator.CreatePriceList(request)).price_list
    return made


async def listed(operator: Any, **fields: Any) -> pb.ListPriceListsResponse:
    answer: pb.ListPriceListsResponse = await operator.ListPriceLists(
        pb.ListPriceListsRequest(**fields)
    )
    return answer


async def test_a_price_list_applies_at_once_unless_told_otherwise(
    operator: Any, pool: Pool
) -> None:
    before, _ = await get_prices(pool, "USD")
    started = datetime.now(UTC) - timedelta(seconds=1)
    made = await create(operator, price_list(tuple(reversed(FOUR))))
    current, upcoming = await get_prices(pool, "USD")
    assert before is not None and current is not None and not upcoming
    assert before.version < made.version == current.version
    assert current.prices == dict(zip(PRICE_KEYS, (1, 2, 3, 4), strict=True))
    shown = [(p.country, int(p.encoding), p.price_micros) for p in made.prices]
    assert shown == list(FOUR)
    assert made.currency == "USD" and made.HasField("create_time")
    assert started < made.effective_time.ToDatetime(UTC) < started + timedelta(minutes=1)


async def test_a_price_list_of_a_later_time_waits_for_it(operator: Any, pool: Pool) -> None:
    before, _ = await get_prices(pool, "CAD")
    later = datetime.now(UTC) + timedelta(days=1)
    made = await create(operator, price_list(currency="CAD", effective_time=later))
    current, upcoming = await get_prices(pool, "CAD")
    assert current == before
    assert [each.version for each in upcoming] == [made.version]
    assert made.effective_time.ToDatetime(UTC) == later


async def test_everything_that_is_wrong_is_said_at_once(operator: Any, pool: Pool) -> None:
    bad = price_list(
        (("US", 1, -1), ("GB", 3, 1_000_000_001), ("CA", 1, 0), ("CA", 1, 0)),
        currency="dollars",
        effective_time=datetime.now(UTC) - timedelta(seconds=5),
    )
    told = await failure(create(operator, bad, "once"))
    assert told.code is Code.INVALID_ARGUMENT
    assert set(told.violations) == {
        "request_id",
        "price_list.currency",
        "price_list.effective_time",
        "price_list.prices",
        "price_list.prices[0].price_micros",
        "price_list.prices[1].country",
        "price_list.prices[1].encoding",
        "price_list.prices[1].price_micros",
        "price_list.prices[3]",
    }
    assert await pool.fetchval("SELECT count(*) FROM price_list") == 2


async def test_more_prices_than_there_are_texts_are_not_read(operator: Any) -> None:
    told = await failure(create(operator, price_list(FOUR * 3)))
    assert list(told.violations) == ["price_list.prices"]


async def test_the_bounds_of_a_price_are_allowed(operator: Any) -> None:
    bounds = tuple((c, e, 1_000_000_000 * (n % 2)) for n, (c, e, _) in enumerate(FOUR))
    made = await create(operator, price_list(bounds))
    assert [p.price_micros for p in made.prices] == [0, 1_000_000_000] * 2


async def test_prices_never_reach_back(operator: Any, pool: Pool) -> None:
    past = await pool.fetchval("SELECT clock_timestamp()")
    told = await failure(create(operator, price_list(effective_time=past)))
    assert list(told.violations) == ["price_list.effective_time"]
    assert await pool.fetchval("SELECT count(*) FROM price_list") == 2


async def test_a_repeated_creation_makes_one_price_list_also_when_its_time_has_come(
    operator: Any, pool: Pool
) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=500)
    request_id = str(uuid.uuid4())
    made = await create(operator, price_list(effective_time=soon), request_id)

    async def it_has_come() -> bool:
        return bool(await pool.fetchval("SELECT clock_timestamp() > $1", soon))

    await wait_until(it_has_come)
    assert await create(operator, price_list(effective_time=soon), request_id) == made
    assert await pool.fetchval("SELECT count(*) FROM price_list") == 3


async def test_pages_hold_every_price_list_once_newest_first(operator: Any, pool: Pool) -> None:
    for n in range(5):
        await set_prices(pool, flat(n), currency="USD" if n % 2 else "CAD")
    found: list[billing_pb2.PriceList] = []
    token = ""
    while True:
        answer = await listed(operator, page_size=2, page_token=token)
        found += answer.price_lists
        token = answer.next_page_token
        if not token:
            break
    versions = [each.version for each in found]
    assert len(versions) == 7 and versions == sorted(versions, reverse=True)
    dollars = (await listed(operator, currency="USD")).price_lists
    assert [each.version for each in dollars] == [e.version for e in found if e.currency == "USD"]
    assert not dollars[-1].HasField("effective_time")
    assert (await listed(operator, currency="EUR")).price_lists == []
    told = await failure(listed(operator, currency="dollars"))
    assert list(told.violations) == ["currency"]


async def test_of_lists_of_one_time_the_last_counts_and_twenty_follow(pool: Pool) -> None:
    start = await pool.fetchval("SELECT clock_timestamp() + interval '1 day'")
    await set_prices(pool, flat(1), effective_time=start)
    second = await set_prices(pool, flat(2), effective_time=start)
    later = [
        await set_prices(pool, flat(n), effective_time=start + timedelta(hours=n))
        for n in range(MOST_UPCOMING, 0, -1)
    ]
    _, upcoming = await get_prices(pool, "USD")
    assert upcoming == [second, *reversed(later)][:MOST_UPCOMING]


async def test_a_currency_without_prices_has_none(pool: Pool) -> None:
    assert await get_prices(pool, "EUR") == (None, [])
    later = await pool.fetchval("SELECT clock_timestamp() + interval '1 day'")
    waiting = [
        await set_prices(pool, flat(n), currency="EUR", effective_time=later + timedelta(hours=n))
        for n in range(MOST_UPCOMING + 1)
    ]
    assert await get_prices(pool, "EUR") == (None, waiting[:MOST_UPCOMING])
