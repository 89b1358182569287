"""Prices for tests."""

from collections.abc import Mapping
from datetime import datetime

from outbound_sms.domain.price_list import PRICE_KEYS, PriceKey, PriceList
from outbound_sms.domain.segments import Encoding
from outbound_sms.store.pool import Database
from outbound_sms.store.price_lists import create_price_list

DIFFERENT: Mapping[PriceKey, int] = {
    ("US", Encoding.GSM7): 7_001,
    ("US", Encoding.UCS2): 9_013,
    ("CA", Encoding.GSM7): 11_027,
    ("CA", Encoding.UCS2): 13_049,
}
"""No sum of a few of these is a sum of others."""


def flat(micros: int) -> dict[PriceKey, int]:
    """One price for everything."""
    return dict.fromkeys(PRICE_KEYS, micros)


async def set_prices(
    db: Database,
    prices: Mapping[PriceKey, int] = DIFFERENT,
    *,
    currency: str = "USD",
    effective_time: datetime | None = None,
) -> PriceList:
    """A new price list, in force at once unless told otherwise."""
    return await create_price_list(db, currency, effective_time, prices)


async def forget_prices(db: Database) -> None:
    """As in a currency for which nobody has set prices."""
    await db.execute("UPDATE instance SET currency = 'EUR'")
