"""Price lists: what segments cost from a time on, in each currency."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from outbound_sms.domain.errors import InvalidRequest
from outbound_sms.domain.price_list import PriceKey, PriceList
from outbound_sms.domain.segments import Encoding
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

MOST_UPCOMING = 20
PAST = "is in the past; give a time from now on, or none for now"

_SQL = sql.load("price_lists")


async def create_price_list(
    db: Database,
    currency: str,
    effective_time: datetime | None,
    prices: Mapping[PriceKey, int],
) -> PriceList:
    """Adds a price list; `effective_time` None means now, by the database's clock.

    Raises InvalidRequest for a time before now: what has been accepted would be repriced. The pool
    must be one of the system: no instance may set prices.
    """
    row = await db.fetchrow(
        _SQL["create"],
        currency,
        effective_time,
        [country for country, _ in prices],
        [encoding for _, encoding in prices],
        list(prices.values()),
    )
    if row is None:
        raise InvalidRequest.of("price_list.effective_time", PAST)
    return _price_list(row)


async def is_past(db: Database, time: datetime) -> bool:
    """Whether a price list cannot begin at the time any more, by the database's clock."""
    found: bool = await db.fetchval(_SQL["is_past"], time)
    return found


async def list_price_lists(
    db: Database, currency: str | None, before: int | None, limit: int
) -> list[PriceList]:
    """Price lists with a version below `before`, newest first; without a currency those of all."""
    rows = await db.fetch(_SQL["list"], currency, before, limit)
    return [_price_list(row) for row in rows]


async def get_prices(db: Database, currency: str) -> tuple[PriceList | None, list[PriceList]]:
    """The price list in force now, if there is one, and at most 20 that follow, the next one first.

    A list that another one of the same time replaces is not among them.
    """
    rows = await db.fetch(_SQL["in_force_and_upcoming"], currency, MOST_UPCOMING)
    found = [(row["upcoming"], _price_list(row)) for row in rows]
    current = next((each for upcoming, each in found if not upcoming), None)
    return current, [each for upcoming, each in found if upcoming][:MOST_UPCOMING]


def read_price_list(row: asyncpg.Record | Mapping[str, Any], currency: str) -> PriceList | None:
    """The price list of a row that has its columns, named `price_...`; None when they are NULL."""
    if row["price_version"] is None:
        return None
    return PriceList(
        version=row["price_version"],
        currency=currency,
        effective_time=row["price_effective_time"],
        prices={
            (country, Encoding(encoding)): micros
            for country, encoding, micros in zip(
                row["price_countries"], row["price_encodings"], row["price_micros"], strict=True
            )
        },
        create_time=row["price_create_time"],
    )


def _price_list(row: asyncpg.Record) -> PriceList:
    found = read_price_list(row, row["currency"])
    assert found is not None
    return found
