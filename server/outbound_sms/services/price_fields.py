"""Price lists as they are sent and received."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from outbound_sms.domain.currency import CURRENCIES
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.price_list import (
    COUNTRIES,
    MAX_PRICE_MICROS,
    PRICE_KEYS,
    PriceKey,
    PriceList,
)
from outbound_sms.domain.segments import Encoding
from outbound_sms.rpc.fields import check_enum, to_datetime, to_timestamp
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1 import body_pb2


@dataclass(frozen=True, slots=True)
class NewPriceList:
    """A price list to create; without `effective_time` it applies at once."""

    currency: str
    effective_time: datetime | None
    prices: Mapping[PriceKey, int]


def read_new(violations: Violations, given: pb.PriceList) -> NewPriceList:
    """The price list; worth using only when there is no violation."""
    check_currency(violations, "price_list.currency", given.currency)
    start = given.effective_time if given.HasField("effective_time") else None
    return NewPriceList(
        currency=given.currency,
        effective_time=to_datetime(violations, "price_list.effective_time", start),
        prices=_read_prices(violations, given),
    )


def check_currency(violations: Violations, field: str, currency: str) -> None:
    """Adds a violation for what is no currency."""
    if currency not in CURRENCIES:
        violations.add(field, "is not an ISO 4217 code; give for example USD")


def show_price_list(found: PriceList) -> pb.PriceList:
    """The price list as the contract has it, its prices by country and encoding."""
    return pb.PriceList(
        version=found.version,
        currency=found.currency,
        effective_time=to_timestamp(found.effective_time),
        prices=[
            pb.SegmentPrice(
                country=country,
                encoding=body_pb2.Encoding.ValueType(encoding),
                price_micros=micros,
            )
            for (country, encoding), micros in sorted(found.prices.items())
        ],
        create_time=to_timestamp(found.create_time),
    )


def _read_prices(violations: Violations, given: pb.PriceList) -> dict[PriceKey, int]:
    prices: dict[PriceKey, int] = {}
    places: dict[PriceKey, int] = {}
    if len(given.prices) > len(PRICE_KEYS):
        violations.add(
            "price_list.prices",
            f"has {len(given.prices)} elements; give {len(PRICE_KEYS)}, one for each country and "
            "encoding",
        )
        return prices
    for index, price in enumerate(given.prices):
        field = f"price_list.prices[{index}]"
        if not 0 <= price.price_micros <= MAX_PRICE_MICROS:
            violations.add(
                f"{field}.price_micros", f"is not a price; give 0 to {MAX_PRICE_MICROS:,} micros"
            )
        key = _read_key(violations, field, price)
        if key is None:
            continue
        before = places.setdefault(key, index)
        if before != index:
            violations.add(field, f"is for the same as price_list.prices[{before}]; give it once")
        prices[key] = price.price_micros
    missing = [
        f"{country} {encoding.name}"
        for country, encoding in PRICE_KEYS
        if (country, encoding) not in prices
    ]
    if missing:
        violations.add("price_list.prices", f"has no price for {', '.join(missing)}; give them all")
    return prices


def _read_key(violations: Violations, field: str, price: pb.SegmentPrice) -> PriceKey | None:
    known = price.country in COUNTRIES
    if not known:
        violations.add(f"{field}.country", f"is not one of {', '.join(COUNTRIES)}; give one")
    if not check_enum(violations, f"{field}.encoding", price.encoding, body_pb2.Encoding):
        return None
    return (price.country, Encoding(price.encoding)) if known else None
